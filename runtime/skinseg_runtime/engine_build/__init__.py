"""The build of an engine on the device that will run it, in processes of their own, and its proof."""
