// What both programs here share: readings out of a file, and an answer on the screen. C++17, no library.

#pragma once

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <functional>
#include <iostream>
#include <numeric>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

using Shape = std::vector<int64_t>;

/// How many numbers an array of a shape has.
inline int64_t size_of(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<int64_t>());
}

/// The numbers of a .csv, row by row; a first line without any is a heading.
inline std::vector<float> numbers_in(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(path + " cannot be read");
  std::vector<float> found;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    std::replace(line.begin(), line.end(), ',', ' ');
    std::istringstream cells(line);
    std::vector<float> row;
    std::string cell;
    bool whole = true;
    while (cells >> cell) {
      size_t read = 0;
      try {
        row.push_back(std::stof(cell, &read));
      } catch (const std::exception&) {
      }
      whole = whole && read == cell.size();
    }
    if (!whole && (number > 1 || !row.empty())) {
      throw std::runtime_error(path + ", line " + std::to_string(number) + ": not all are numbers");
    }
    if (whole) found.insert(found.end(), row.begin(), row.end());
  }
  return found;
}

/// A shape for one example of so many numbers: `shape` as the file has it, -1 where it is free (the
/// examples, of which there is one, and the steps).
inline Shape shape_for(Shape shape, size_t count, const std::string& name) {
  if (!shape.empty() && shape[0] < 0) shape[0] = 1;
  std::string wanted;
  for (int64_t n : shape) wanted += (wanted.empty() ? "" : ", ") + (n < 0 ? "any" : std::to_string(n));
  auto free = std::find(shape.begin(), shape.end(), -1);
  if (free != shape.end()) {
    *free = 1;
    *free = static_cast<int64_t>(count) / std::max<int64_t>(1, size_of(shape));
  }
  if (count == 0 || size_of(shape) != static_cast<int64_t>(count)) {
    throw std::runtime_error(name + ": " + std::to_string(count) + " numbers given; expected [" + wanted +
                             "]");
  }
  return shape;
}

/// The names in labels.txt, one in each line; none where there is no file.
inline std::vector<std::string> labels_in(const std::string& path) {
  std::vector<std::string> labels;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) labels.push_back(line);
  return labels;
}

/// An output, as one line: the label that wins where there are as many numbers as labels; of one number and
/// two labels the second where it is above 0.5; else the numbers.
inline void show(const std::string& name, const std::vector<float>& output,
                 const std::vector<std::string>& labels) {
  std::cout.precision(9);
  std::cout << name << ":";
  if (output.size() == labels.size() && !labels.empty()) {
    auto most = std::max_element(output.begin(), output.end());
    std::cout << " [" << labels[most - output.begin()] << "]";
  } else if (output.size() == 1 && labels.size() == 2) {
    std::cout << " [" << labels[output[0] > 0.5f] << "]";
  }
  for (float number : output) std::cout << " " << number;
  std::cout << "\n";
}
