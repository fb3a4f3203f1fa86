from django.apps import AppConfig


class SongRankerConfig(AppConfig):
    name = "songranker"
    verbose_name = "SongRanker"

    def ready(self) -> None:
        # Whoever publishes a task (web, commands, admin, tests) has to know its broker.
        import celery_app  # noqa: F401
