"""The ONNX models that ONNX Runtime and OpenVINO read, exported and quantised once."""
