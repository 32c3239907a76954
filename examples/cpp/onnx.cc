// Readings in, answer on the screen: a bundle's ONNX file in ONNX Runtime's C++ interface.
//
// usage: onnx BUNDLE/VARIANT.onnx READINGS.csv [READINGS.csv ...]
//
// A .csv for each input, in the order of `inputs` in the manifest: a row for each step, a column for each
// channel. Prints a line for each output. labels.txt beside the file names the classes.
//
//   c++ -std=c++17 onnx.cc -I ONNXRUNTIME/include -L ONNXRUNTIME/lib -lonnxruntime -o onnx

#include <onnxruntime_cxx_api.h>

#include "readings.h"

namespace {

/// A file, loaded once. Several threads may call run.
class Model {
 public:
  explicit Model(const std::string& path) : session_(env_, path.c_str(), options()) {
    Ort::AllocatorWithDefaultOptions allocator;
    for (size_t i = 0; i < session_.GetInputCount(); ++i) {
      inputs_.emplace_back(session_.GetInputNameAllocated(i, allocator).get());
    }
    for (size_t i = 0; i < session_.GetOutputCount(); ++i) {
      outputs_.emplace_back(session_.GetOutputNameAllocated(i, allocator).get());
    }
  }

  const std::vector<std::string>& outputs() const { return outputs_; }

  /// The outputs of one example, in the order of outputs(); `readings` in that of the file's inputs.
  std::vector<std::vector<float>> run(const std::vector<std::vector<float>>& readings) {
    if (readings.size() != inputs_.size()) {
      throw std::runtime_error("the file has " + std::to_string(inputs_.size()) + " inputs");
    }
    auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    std::vector<std::vector<float>> floats = readings;
    std::vector<std::vector<int32_t>> ids(readings.size());
    std::vector<Ort::Value> tensors;
    for (size_t i = 0; i < readings.size(); ++i) {
      auto type = session_.GetInputTypeInfo(i);
      auto info = type.GetTensorTypeAndShapeInfo();
      Shape shape = shape_for(info.GetShape(), floats[i].size(), inputs_[i]);
      if (info.GetElementType() == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32) {
        ids[i].assign(floats[i].begin(), floats[i].end());
        tensors.push_back(Ort::Value::CreateTensor<int32_t>(memory, ids[i].data(), ids[i].size(),
                                                            shape.data(), shape.size()));
      } else {
        tensors.push_back(Ort::Value::CreateTensor<float>(memory, floats[i].data(), floats[i].size(),
                                                          shape.data(), shape.size()));
      }
    }
    std::vector<const char*> in, out;
    for (const auto& name : inputs_) in.push_back(name.c_str());
    for (const auto& name : outputs_) out.push_back(name.c_str());
    auto found = session_.Run(Ort::RunOptions{nullptr}, in.data(), tensors.data(), in.size(), out.data(),
                              out.size());
    std::vector<std::vector<float>> answers;
    for (auto& value : found) {
      const float* data = value.GetTensorData<float>();
      answers.emplace_back(data, data + value.GetTensorTypeAndShapeInfo().GetElementCount());
    }
    return answers;
  }

 private:
  static Ort::SessionOptions options() {
    Ort::SessionOptions options;
    options.SetIntraOpNumThreads(1);  // an LSTM's steps wait for one another
    return options;
  }

  Ort::Env env_{ORT_LOGGING_LEVEL_WARNING, "lstm-edge"};
  Ort::Session session_;
  std::vector<std::string> inputs_, outputs_;
};

}  // namespace

int main(int count, char** given) {
  if (count < 3) {
    std::cerr << "usage: onnx BUNDLE/VARIANT.onnx READINGS.csv [READINGS.csv ...]\n";
    return 2;
  }
  try {
    const std::string path = given[1];
    Model model(path);
    std::vector<std::vector<float>> readings;
    for (int i = 2; i < count; ++i) readings.push_back(numbers_in(given[i]));
    const auto answers = model.run(readings);
    const auto labels = labels_in(path.substr(0, path.find_last_of('/') + 1) + "labels.txt");
    for (size_t i = 0; i < answers.size(); ++i) show(model.outputs()[i], answers[i], labels);
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 2;
  }
}
