"""nuScenes: the tables, images, points and map that nuscenes-devkit reads."""
