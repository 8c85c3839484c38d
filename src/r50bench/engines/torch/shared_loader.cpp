// Several runners over one copy of a compiled model's constants, usable from several threads at
// once: torch's Python loader holds the GIL while it computes, this one gives it up.
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>
#include <torch/extension.h>

#include <string>
#include <vector>

namespace py = pybind11;
using torch::inductor::AOTIModelPackageLoader;

PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {
  py::class_<AOTIModelPackageLoader>(m, "Model")
      .def(py::init([](const std::string& folder, size_t runners) {
             return std::make_unique<AOTIModelPackageLoader>(
                 folder, "model", /*run_single_threaded=*/false, runners);
           }),
           py::arg("folder"), py::arg("runners"))
      .def(
          "run",
          [](AOTIModelPackageLoader& self, const std::vector<at::Tensor>& inputs) {
            return self.run(inputs);
          },
          py::arg("inputs"), py::call_guard<py::gil_scoped_release>());
}
