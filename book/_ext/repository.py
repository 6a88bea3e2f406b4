"""Links to the public repository, behind one setting: ``repository`` in _config.yml, its address on GitHub or GitLab; "" for none.

With it, a page has buttons to the repository, to its source, to a new issue, and "Binder", which opens the page as a notebook
in an environment made by .binder/. Colab has no button: it opens .ipynb files of a repository only, and the pages are .md.
"""

from __future__ import annotations

import re

from sphinx.errors import ConfigError

ADDRESS = re.compile(r"https://(github|gitlab)\.com/[\w.-]+/[\w.-]+")
BINDER = {"notebook_interface": "jupyterlab", "binderhub_url": "https://mybinder.org", "colab_url": "", "thebe": False}


def set_buttons(app, config) -> None:
    if not config.repository:
        return
    if not ADDRESS.fullmatch(config.repository):
        raise ConfigError(f"repository is {config.repository!r}; it must be like https://github.com/OWNER/NAME, or \"\"")
    buttons = dict.fromkeys(("use_repository_button", "use_source_button", "use_issues_button"), True)
    address = {"repository_url": config.repository, "repository_branch": "main", "path_to_docs": ""}
    config.html_theme_options = {**config.html_theme_options, **address, **buttons, "launch_buttons": BINDER}


def setup(app):
    app.add_config_value("repository", "", "html", str)
    app.connect("config-inited", set_buttons, priority=100)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
