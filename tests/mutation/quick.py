"""A pytest plugin: a failing example is enough, nobody wants the smallest."""

from hypothesis import Phase, settings

settings.register_profile("quick", phases=[Phase.explicit, Phase.generate], database=None)
settings.load_profile("quick")
