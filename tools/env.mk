# Runs a program inside the project's own environment: its venv, its collection path, its caches.
RUN := tools/in-env
