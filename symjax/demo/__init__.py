"""The main job: three models from code to pictures, ``python -m symjax.demo``."""
