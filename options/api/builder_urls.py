"""Addresses of the builder."""

from __future__ import annotations

from django.urls import path

from options.api import builder

urlpatterns = [
    path("options/builder/templates", builder.BuilderTemplates.as_view()),
    path("options/builder/legs", builder.BuilderLegs.as_view()),
    path("options/builder/evaluate", builder.BuilderEvaluate.as_view()),
    path("options/builder/margin", builder.BuilderMargin.as_view()),
    path("options/builder/saved", builder.BuilderSaved.as_view()),
]
