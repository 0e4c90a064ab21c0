"""Compiled kernels that read UTF-8 buffers of Arrow columns once, at memory speed."""
