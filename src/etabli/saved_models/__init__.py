"""Saved models: one folder, one card, one loader; export to ONNX and OpenVINO."""
