#include "inputs.hpp"

#include <ATen/ATen.h>

#include <fstream>
#include <stdexcept>

#define STB_IMAGE_IMPLEMENTATION
#include <stb/stb_image.h>

nlohmann::json read_json(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(path + ": no such file");
  try {
    return nlohmann::json::parse(file);
  } catch (const nlohmann::json::exception& error) {
    throw std::runtime_error(path + ": no JSON that can be read (" + error.what() + ")");
  }
}

Grid read_grid(const nlohmann::json& grid) {
  Grid found{};
  found.voxel_size = grid.at("voxel_size");
  for (int k = 0; k < 3; ++k) {
    found.origin[k] = grid.at("origin").at(k);
    found.shape[k] = grid.at("shape").at(k);
  }
  return found;
}

at::Tensor read_images(const std::vector<std::string>& paths, int64_t size) {
  std::vector<at::Tensor> images;
  for (const auto& path : paths) {
    int width = 0, height = 0, channels = 0;
    unsigned char* pixels = stbi_load(path.c_str(), &width, &height, &channels, 3);
    if (pixels == nullptr) {
      throw std::runtime_error(path + ": not an image that can be read (" + stbi_failure_reason() + "); give a PNG or JPEG file");
    }
    if (width != size || height != size) {
      stbi_image_free(pixels);
      const std::string own = std::to_string(width) + " x " + std::to_string(height);
      throw std::runtime_error(path + ": " + own + " pixels, the network takes " + std::to_string(size) + " x " +
                               std::to_string(size) + "; crop and scale it first");
    }
    images.push_back(at::from_blob(pixels, {size, size, 3}, at::kByte).permute({2, 0, 1}).to(at::kFloat) / 255.0);
    stbi_image_free(pixels);
  }
  return at::stack(images).unsqueeze(0).contiguous();
}

namespace {

at::Tensor matrix(const nlohmann::json& rows, int64_t count, int64_t columns) {
  at::Tensor found = at::zeros({count, columns}, at::kDouble);
  for (int64_t row = 0; row < count; ++row) {
    for (int64_t column = 0; column < columns; ++column) found[row][column] = rows.at(row).at(column).get<double>();
  }
  return found;
}

constexpr double RIGID = 1e-3;  // how far rows of a rotation may be from unit length and right angles

// What `scenetrain predict` refuses, in its words; nullptr for a camera that there can be.
const char* wrong_with(const nlohmann::json& camera, const at::Tensor& K, const at::Tensor& pose, double width, double height) {
  if (!at::isfinite(K).all().item<bool>() || !at::isfinite(pose).all().item<bool>()) return "has a number that is not finite";
  const auto k = K.accessor<double, 2>();
  const auto p = pose.accessor<double, 2>();
  if (k[0][0] <= 0 || k[1][1] <= 0 || k[1][0] != 0 || k[2][0] != 0 || k[2][1] != 0 || k[2][2] != 1) {
    return "K: expected [[fx, skew, cx], [0, fy, cy], [0, 0, 1]] with fx and fy above 0";
  }
  if (p[3][0] != 0 || p[3][1] != 0 || p[3][2] != 0 || p[3][3] != 1) {
    return "world_to_camera: its last row is not 0, 0, 0, 1; is it transposed?";
  }
  const at::Tensor turn = pose.slice(0, 0, 3).slice(1, 0, 3);
  if ((turn.mm(turn.t()) - at::eye(3, at::kDouble)).abs().max().item<double>() > RIGID) {
    return "world_to_camera: its 3 x 3 part is no rotation: rows of length 1 at right angles";
  }
  if (at::linalg_det(turn).item<double>() < 0) {
    return "world_to_camera: it mirrors the world: a rotation has determinant 1, not -1";
  }
  if (camera.contains("width") != camera.contains("height") || width < 1 || height < 1) {
    return "expected width and height, both above 0, or neither";
  }
  if (!(k[0][2] >= 0 && k[0][2] <= width && k[1][2] >= 0 && k[1][2] <= height)) {
    return "its middle is outside the image; give the width and height of the image that K is of";
  }
  return nullptr;
}

}  // namespace

Cameras read_cameras(const std::string& path, int64_t views, int64_t size, const Grid& grid) {
  const nlohmann::json body = read_json(path);
  try {
    const nlohmann::json& cameras = body.at("cameras");
    if (body.contains("grid") && !body.at("grid").is_null() && read_grid(body.at("grid")) != grid) {
      throw std::runtime_error(path + ": another grid than the package's, which is compiled in; use `scenetrain predict`");
    }
    if (static_cast<int64_t>(cameras.size()) != views) {
      throw std::runtime_error(path + ": " + std::to_string(cameras.size()) + " cameras for " + std::to_string(views) + " images");
    }
    std::vector<at::Tensor> intrinsics, poses;
    for (const auto& camera : cameras) {
      at::Tensor K = matrix(camera.at("K"), 3, 3);
      const at::Tensor pose = matrix(camera.at("world_to_camera"), 4, 4);
      const auto own = static_cast<double>(size);
      const double width = camera.value("width", own), height = camera.value("height", own);
      if (const char* wrong = wrong_with(camera, K, pose, width, height)) {
        throw std::runtime_error(path + ": no cameras that can be used (cameras[" + std::to_string(poses.size()) + "]: " + wrong + ")");
      }
      K[0] *= own / width;
      K[1] *= own / height;
      intrinsics.push_back(K);
      poses.push_back(pose);
    }
    return {at::stack(intrinsics).unsqueeze(0).to(at::kFloat), at::stack(poses).unsqueeze(0).to(at::kFloat)};
  } catch (const nlohmann::json::exception& error) {
    throw std::runtime_error(path + ": no cameras that can be read (" + error.what() + "); give a scene.json, or " +
                             "{\"cameras\": [{\"K\", \"world_to_camera\"}, ...]}");
  }
}
