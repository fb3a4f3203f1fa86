from django.apps import AppConfig


class SongRankerConfig(AppConfig):
    name = "songranker"
    verbose_name = "SongRanker"
