"""Scoring a text: the port, its pure helpers, the ONNX adapter and a stub. Import the module that you need."""
