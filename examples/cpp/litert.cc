// Readings in, answer on the screen: a bundle's LiteRT file (of fixed shapes: tflite-*-litert-js, or any whose
// model has none that are free) in LiteRT's C interface, which C++ calls as it is.
//
// usage: litert BUNDLE/VARIANT.tflite READINGS.csv [READINGS.csv ...]
//
// A .csv for each input, in the order of `inputs` in the manifest: a row for each step, a column for each
// channel. Prints a line for each output. labels.txt beside the file names the classes.
//
//   c++ -std=c++17 litert.cc -I LITERT -L FOLDER_OF_LIBRARY -lLiteRt -o litert

#include <cstring>

#include "litert/c/litert_common.h"
#include "litert/c/litert_compiled_model.h"
#include "litert/c/litert_environment.h"
#include "litert/c/litert_model.h"
#include "litert/c/litert_options.h"
#include "litert/c/litert_tensor_buffer.h"
#include "readings.h"

namespace {

void check(LiteRtStatus status, const char* what) {
  if (status != kLiteRtStatusOk) {
    throw std::runtime_error(std::string(what) + " failed: LiteRT's status " + std::to_string(status));
  }
}

/// A file, loaded once; one call at a time.
class Model {
 public:
  explicit Model(const std::string& path) {
    check(LiteRtCreateEnvironment(0, nullptr, &environment_), "starting");
    check(LiteRtCreateModelFromFile(environment_, path.c_str(), &model_), "loading");
    check(LiteRtCreateOptions(&options_), "options");
    check(LiteRtSetOptionsHardwareAccelerators(options_, kLiteRtHwAcceleratorCpu), "options");
    check(LiteRtCreateCompiledModel(environment_, model_, options_, &compiled_), "compiling");
    LiteRtSignature signature;
    check(LiteRtGetModelSignature(model_, 0, &signature), "reading the signature");
    LiteRtParamIndex inputs, outputs;
    check(LiteRtGetNumSignatureInputs(signature, &inputs), "reading the signature");
    check(LiteRtGetNumSignatureOutputs(signature, &outputs), "reading the signature");
    for (LiteRtParamIndex i = 0; i < inputs; ++i) {
      const char* name;
      LiteRtTensor tensor;
      LiteRtTensorBufferRequirements needs;
      check(LiteRtGetSignatureInputName(signature, i, &name), "reading an input");
      check(LiteRtGetSignatureInputTensorByIndex(signature, i, &tensor), "reading an input");
      check(LiteRtGetCompiledModelInputBufferRequirements(compiled_, 0, i, &needs), "an input");
      inputs_.push_back(end(name, tensor, needs));
    }
    for (LiteRtParamIndex i = 0; i < outputs; ++i) {
      const char* name;
      LiteRtTensor tensor;
      LiteRtTensorBufferRequirements needs;
      check(LiteRtGetSignatureOutputName(signature, i, &name), "reading an output");
      check(LiteRtGetSignatureOutputTensorByIndex(signature, i, &tensor), "reading an output");
      check(LiteRtGetCompiledModelOutputBufferRequirements(compiled_, 0, i, &needs), "an output");
      outputs_.push_back(end(name, tensor, needs));
    }
  }

  ~Model() {
    for (auto& one : inputs_) LiteRtDestroyTensorBuffer(one.buffer);
    for (auto& one : outputs_) LiteRtDestroyTensorBuffer(one.buffer);
    LiteRtDestroyCompiledModel(compiled_);
    LiteRtDestroyOptions(options_);
    LiteRtDestroyModel(model_);
    LiteRtDestroyEnvironment(environment_);
  }

  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  std::string output(size_t i) const { return outputs_[i].name; }

  /// The outputs of one example; `readings` in the order of the file's inputs.
  std::vector<std::vector<float>> run(const std::vector<std::vector<float>>& readings) {
    if (readings.size() != inputs_.size()) {
      throw std::runtime_error("the file has " + std::to_string(inputs_.size()) + " inputs");
    }
    std::vector<LiteRtTensorBuffer> in, out;
    for (size_t i = 0; i < readings.size(); ++i) {
      const End& one = inputs_[i];
      shape_for(one.shape, readings[i].size(), one.name);
      const std::vector<int32_t> ids(readings[i].begin(), readings[i].end());
      const void* from = one.ids ? static_cast<const void*>(ids.data()) : readings[i].data();
      void* memory;
      check(LiteRtLockTensorBuffer(one.buffer, &memory, kLiteRtTensorBufferLockModeWrite), "writing");
      std::memcpy(memory, from, 4 * readings[i].size());
      check(LiteRtUnlockTensorBuffer(one.buffer), "writing");
      in.push_back(one.buffer);
    }
    for (const End& one : outputs_) out.push_back(one.buffer);
    check(LiteRtRunCompiledModel(compiled_, 0, in.size(), in.data(), out.size(), out.data()), "running");
    std::vector<std::vector<float>> answers;
    for (const End& one : outputs_) {
      void* memory;
      check(LiteRtLockTensorBuffer(one.buffer, &memory, kLiteRtTensorBufferLockModeRead), "reading");
      const float* data = static_cast<const float*>(memory);
      answers.emplace_back(data, data + size_of(one.shape));
      check(LiteRtUnlockTensorBuffer(one.buffer), "reading");
    }
    return answers;
  }

 private:
  struct End {
    std::string name;
    Shape shape;
    bool ids;
    LiteRtTensorBuffer buffer;
  };

  End end(const char* name, LiteRtTensor tensor, LiteRtTensorBufferRequirements needs) {
    LiteRtRankedTensorType type;
    check(LiteRtGetRankedTensorType(tensor, &type), "reading a shape");
    const Shape shape(type.layout.dimensions, type.layout.dimensions + type.layout.rank);
    if (std::any_of(shape.begin(), shape.end(), [](int64_t n) { return n < 0; })) {
      throw std::runtime_error(std::string(name) + " has no fixed shape: export for litert-js");
    }
    LiteRtTensorBuffer buffer;
    check(LiteRtCreateManagedTensorBufferFromRequirements(environment_, &type, needs, &buffer), "memory");
    return {name, shape, type.element_type == kLiteRtElementTypeInt32, buffer};
  }

  LiteRtEnvironment environment_ = nullptr;
  LiteRtModel model_ = nullptr;
  LiteRtOptions options_ = nullptr;
  LiteRtCompiledModel compiled_ = nullptr;
  std::vector<End> inputs_, outputs_;
};

}  // namespace

int main(int count, char** given) {
  if (count < 3) {
    std::cerr << "usage: litert BUNDLE/VARIANT.tflite READINGS.csv [READINGS.csv ...]\n";
    return 2;
  }
  try {
    const std::string path = given[1];
    Model model(path);
    std::vector<std::vector<float>> readings;
    for (int i = 2; i < count; ++i) readings.push_back(numbers_in(given[i]));
    const auto answers = model.run(readings);
    const auto labels = labels_in(path.substr(0, path.find_last_of('/') + 1) + "labels.txt");
    for (size_t i = 0; i < answers.size(); ++i) show(model.output(i), answers[i], labels);
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 2;
  }
}
