// Images of one room to labelled voxels, without Python.
//
//   label_scene MODEL.pt2 OUT IMAGE... [--cameras FILE] [--probabilities] [--repeat N]
//
// MODEL.pt2 is of `scenetrain export --format aoti`. Writes OUT/NAME.npy for every output, as `scenetrain predict` does
// (occupancy bool (X, Y, Z), masks bool (X, Y, Z, C)), and OUT/voxels.glb.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>

#include "inputs.hpp"
#include "voxels.hpp"

namespace {

constexpr int BINS = 100;  // thresholds are compared in steps of .01, as they were chosen
constexpr const char* USAGE = "usage: label_scene MODEL.pt2 OUT IMAGE... [--cameras FILE] [--probabilities] [--repeat N]";

struct Options {
  std::string model, out, cameras;
  std::vector<std::string> images;
  bool probabilities = false;
  int repeat = 1;
};

std::optional<Options> parse(int count, char** words) {
  Options found;
  std::vector<std::string> plain;
  for (int k = 1; k < count; ++k) {
    const std::string word = words[k];
    if (word == "--probabilities") {
      found.probabilities = true;
    } else if ((word == "--cameras" || word == "--repeat") && k + 1 < count) {
      const std::string value = words[++k];
      if (word == "--cameras") {
        found.cameras = value;
      } else if ((found.repeat = std::atoi(value.c_str())) < 1) {
        return std::nullopt;
      }
    } else if (word.rfind("--", 0) == 0) {
      return std::nullopt;
    } else {
      plain.push_back(word);
    }
  }
  if (plain.size() < 3) return std::nullopt;
  found.model = plain[0];
  found.out = plain[1];
  found.images.assign(plain.begin() + 2, plain.end());
  return found;
}

nlohmann::json description_of(torch::inductor::AOTIModelPackageLoader& loader, const std::string& path) {
  const auto metadata = loader.get_metadata();
  const auto found = metadata.find("scenetrain");
  if (found == metadata.end()) {
    throw std::runtime_error(path + ": not written by `scenetrain export --format aoti`");
  }
  return nlohmann::json::parse(found->second);
}

std::unique_ptr<torch::inductor::AOTIModelPackageLoader> open_package(const std::string& path) {
  if (!std::filesystem::is_regular_file(path)) throw std::runtime_error(path + ": no such file");
  try {
    return std::make_unique<torch::inductor::AOTIModelPackageLoader>(path);
  } catch (const std::exception&) {  // of torch: a C++ stack of many lines, without the file's name
    throw std::runtime_error(path + ": no package that can be opened, or cut short; write it again with `scenetrain export --format aoti`");
  }
}

void check_is_no_file(const std::string& path) {
  if (std::filesystem::is_regular_file(path)) {
    throw std::runtime_error(path + ": OUT, the second word, is a file; give a folder for the voxels before the images");
  }
}

void make_folder(const std::string& path) {
  std::error_code failed;
  std::filesystem::create_directories(path, failed);
  if (failed) throw std::runtime_error(path + ": OUT, the second word, cannot be made (" + failed.message() + ")");
}

void run(const Options& options) {
  check_is_no_file(options.out);
  const auto package = open_package(options.model);
  torch::inductor::AOTIModelPackageLoader& loader = *package;
  const nlohmann::json about = description_of(loader, options.model);
  const auto views = static_cast<int64_t>(options.images.size());
  if (views != about.at("views").get<int64_t>()) {
    throw std::runtime_error("images given: " + std::to_string(views) + "; " + options.model + " takes " + about.at("views").dump());
  }
  if (about.at("grid").is_null()) throw std::runtime_error(options.model + ": labels frusta; this program writes rooms");
  const Grid grid = read_grid(about.at("grid"));
  const int64_t size = about.at("image_size");
  std::vector<at::Tensor> inputs{read_images(options.images, size)};
  if (about.at("cameras").get<bool>()) {
    if (options.cameras.empty()) throw std::runtime_error(options.model + ": reads cameras; give --cameras FILE");
    const Cameras cameras = read_cameras(options.cameras, views, size, grid);
    inputs.insert(inputs.end(), {cameras.K, cameras.world_to_camera});
  } else if (!options.cameras.empty()) {
    throw std::runtime_error(options.model + ": reads images alone; leave --cameras out");
  }
  std::vector<at::Tensor> answers;
  double least = INFINITY;
  for (int k = 0; k < options.repeat; ++k) {
    const auto began = std::chrono::steady_clock::now();
    answers = loader.run(inputs);
    least = std::min(least, std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
  }
  make_folder(options.out);
  const std::string folder = options.out + "/";
  std::vector<ClassLook> classes;
  for (const auto& look : about.at("classes")) {
    classes.push_back({look.at("name"), {look.at("color").at(0), look.at("color").at(1), look.at("color").at(2)}});
  }
  for (size_t number = 0; number < answers.size(); ++number) {
    const auto& output = about.at("outputs").at(number);
    const std::string name = output.at("name");
    const at::Tensor values = answers[number][0].to(at::kFloat);  // (X, Y, Z), or (C, X, Y, Z)
    const int64_t threshold = std::llround(output.at("threshold").get<double>() * BINS);
    at::Tensor found = (values * BINS).to(at::kLong).ge(threshold);
    if (options.probabilities) write_npy(folder + name + "_probabilities.npy", values);
    if (found.dim() == 4) {
      found = found.permute({1, 2, 3, 0}).contiguous();
      write_glb(folder + "voxels.glb", found, grid, classes);
    }
    write_npy(folder + name + ".npy", found);
    std::cout << name << ": " << found.sum().item<int64_t>() << " voxels\n";
  }
  std::cout << "seconds: " << least << ", threads: " << at::get_num_threads() << "\n";
}

}  // namespace

int main(int count, char** words) {
  const auto options = parse(count, words);
  if (!options) {
    std::cerr << USAGE << "\n";
    return 2;
  }
  try {
    run(*options);
  } catch (const std::exception& error) {
    const std::string text = error.what();
    std::cerr << "label_scene: " << text.substr(0, text.find('\n')) << "\n";
    return 1;
  }
  return 0;
}
