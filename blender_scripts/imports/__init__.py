"""What reading a model file needs beyond import_model.py."""
