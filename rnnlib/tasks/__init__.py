"""The book's trainings on real data and on tasks with exact floors: the same records for the pages and for ``make train``.

Each module has one topic and is named as its page; its ``TASKS`` are ``Task`` records.
Settings of the small training, in the page, and of the full one, by ``make train``, stand there and nowhere else.
This package is imported on its own, not by ``import rnnlib``.
"""

from rnnlib.tasks import floors, forecast, names, stress
from rnnlib.tasks.task import Learnt, Problem, Promise, Task, falling_adam, learn, missed

#: All tasks, in the order of their pages.
TASKS: tuple[Task, ...] = (*names.TASKS, *stress.TASKS, *forecast.TASKS, *floors.TASKS)

__all__ = ["TASKS", "Learnt", "Problem", "Promise", "Task", "falling_adam", "learn", "missed"]
