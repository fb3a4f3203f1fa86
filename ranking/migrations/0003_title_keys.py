"""Keys of titles by the new grammar, so that old sessions and new ones meet on the leaderboards."""

from typing import Any

from django.db import migrations

from songranker import titles


def rekey(apps: Any, schema_editor: Any) -> None:
    Song = apps.get_model("ranking", "Song")
    changed = []
    for song in Song.objects.order_by("pk").iterator(chunk_size=2000):
        title = titles.parse(song.name)
        key = f"{title.key} @ {titles.parse(song.album).key}" if title.is_generic and song.album else title.key
        if (song.title_key, song.version_key) != (key[:1000], title.version_key[:1000]):
            song.title_key, song.version_key = key[:1000], title.version_key[:1000]
            changed.append(song)
    Song.objects.bulk_update(changed, ["title_key", "version_key"], batch_size=500)


class Migration(migrations.Migration):
    dependencies = [("ranking", "0002_duplicates")]

    operations = [migrations.RunPython(rekey, migrations.RunPython.noop)]
