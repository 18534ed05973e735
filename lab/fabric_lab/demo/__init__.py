"""The demo: the main job on the embedded lab, visibly; and how playbooks are run, which the tests share."""
