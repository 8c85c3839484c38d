# docker buildx bake --file containers/docker-bake.hcl [TARGET]..., from the root of the repository.
# Every variable can be given by the environment: PREPARE=none docker buildx bake ... r50bench

variable "BASE" {
  default = "debian:bookworm-20250520-slim"
}

variable "TORCH_INDEX" {
  default = "https://download.pytorch.org/whl/cpu"
}

# Extras of pyproject.toml to install.
variable "EXTRAS" {
  default = ""
}

# Words of 'r50bench run' for what is made ahead; empty: the main job's models; none: nothing.
variable "PREPARE" {
  default = ""
}

# Debian packages of a compiler in the final images; none by default.
variable "COMPILER" {
  default = ""
}

# Before the names of the images, with its slash.
variable "REGISTRY" {
  default = ""
}

variable "TAG" {
  default = "latest"
}

variable "VERSION" {
  default = "0.1.0"
}

variable "REVISION" {
  default = ""
}

# Set for images that are pushed: a list of what is in them, and of how they were made.
variable "ATTEST" {
  default = ""
}

group "default" {
  targets = ["r50bench"]
}

group "xeon" {
  targets = [
    "resnet50-pytorch-inference-dataset",
    "resnet50-pytorch-model",
    "resnet50-pytorch-benchmark",
    "resnet50-pytorch-intel-public-inference",
  ]
}

group "arm" {
  targets = ["resnet-pytorch-inference"]
}

target "_common" {
  context    = "."
  dockerfile = "containers/Containerfile"
  args = {
    BASE        = BASE
    TORCH_INDEX = TORCH_INDEX
    EXTRAS      = EXTRAS
    PREPARE     = PREPARE
    COMPILER    = COMPILER
    VERSION     = VERSION
    REVISION    = REVISION
  }
  attest = ATTEST == "" ? [] : ["type=sbom", "type=provenance,mode=max"]
}

target "r50bench" {
  inherits = ["_common"]
  target   = "r50bench"
  tags     = ["${REGISTRY}r50bench:${TAG}"]
}

target "resnet50-pytorch-inference-dataset" {
  inherits = ["_common"]
  target   = "resnet50-pytorch-inference-dataset"
  tags     = ["${REGISTRY}resnet50-pytorch-inference-dataset:${TAG}"]
}

target "resnet50-pytorch-model" {
  inherits = ["_common"]
  target   = "resnet50-pytorch-model"
  tags     = ["${REGISTRY}resnet50-pytorch-model:${TAG}"]
}

target "resnet50-pytorch-benchmark" {
  inherits = ["_common"]
  target   = "resnet50-pytorch-benchmark"
  tags     = ["${REGISTRY}resnet50-pytorch-benchmark:${TAG}"]
}

target "resnet50-pytorch-intel-public-inference" {
  inherits = ["_common"]
  target   = "resnet50-pytorch-intel-public-inference"
  tags     = ["${REGISTRY}resnet50-pytorch-intel-public-inference:${TAG}"]
}

target "resnet-pytorch-inference" {
  inherits  = ["_common"]
  target    = "resnet-pytorch-inference"
  platforms = ["linux/arm64"]
  tags      = ["${REGISTRY}resnet-pytorch-inference:${TAG}"]
}
