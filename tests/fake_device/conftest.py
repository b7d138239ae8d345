"""The packages here stand in for NVIDIA's: a test asks for them by the fixture `fake_device`, and none is collected."""

collect_ignore_glob = ["*.py", "on_path/*"]
