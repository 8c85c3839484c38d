// Several runners over one copy of a compiled model's constants, usable from several threads at
// once: torch's own binding holds the GIL while it computes, this one gives it up.
#include <torch/csrc/inductor/aoti_runner/model_container_runner_cpu.h>
#include <torch/extension.h>

#include <string>
#include <vector>

namespace py = pybind11;

namespace {
// torch binds its own class under another name, and a class can be bound once per process.
struct Model : torch::inductor::AOTIModelContainerRunnerCpu {
  using AOTIModelContainerRunnerCpu::AOTIModelContainerRunnerCpu;
};
}  // namespace

PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {
  py::class_<Model>(m, "Model")
      .def(py::init<const std::string&, size_t>(), py::arg("library"), py::arg("runners"))
      .def(
          "run",
          [](Model& self, const std::vector<at::Tensor>& inputs) { return self.run(inputs); },
          py::arg("inputs"), py::call_guard<py::gil_scoped_release>());
}
