"""`copier.yml` is the source of the questions: `cookiecutter.json` is written from it, its validators from the rules.

What a question of `copier.yml` may be:
    asked      `type`, `help` and `default`; a free answer has a rule in `slipway.answers`, a choice a map label: value
    hidden     `when: false`: a value derived from the answers; private (`__name`) in Cookiecutter
    folder     hidden, and of the form `{{ '.' if CONDITION else '' }}`: a choice folder (see `slipway.choices`)
    renamed    asked, with a default of the form `{{ OLD | default('VALUE') }}`: an update takes over the answer to OLD,
               a question that is gone; for everybody else, and for Cookiecutter, the default is VALUE
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, meta, nodes

from slipway.answers import RULES, Rule

SETTINGS: dict[str, Any] = {
    "_answers_file": ".copier-answers.yml",
    "_new_lines": "\n",
    "_jinja2_env_vars": {"trim_blocks": True, "lstrip_blocks": True},
}
BRIDGE = "cookiecutter"
SHOWN = 80
BRIDGED_SETTINGS = ("_answers_file",)
TODAY = {"copier": "{{ '%d%m%Y' | strftime }}", "cookiecutter": "{% now 'local', '%d%m%Y' %}"}
FOLDER = re.compile(r"\{\{ '\.' if (?P<condition>.+) else '' \}\}")
RENAMED = re.compile(r"\{\{ (?P<old>[a-z][a-z0-9_]*) \| default\('(?P<value>[^']*)'\) \}\}")
NAME = re.compile(r"[a-z][a-z0-9_]*")
BANNED_NAMES = frozenset(
    {"yes", "no", "on", "off", "y", "n", "true", "false", "null"}
    | {name for name in dir(dict) if not name.startswith("_")}
    | {"now", "make_secret"}
)


class QuestionError(ValueError):
    """A question of `copier.yml` that the two engines could not share; the message says which, why and the way out."""


@dataclass(frozen=True, slots=True)
class Questions:
    """The questions of both engines, read from `copier.yml`.

    Attributes:
        asked: questions a person answers, in their order.
        hidden: derived values, in their order.
        bridge: names that the hidden answer `cookiecutter` carries into the content.
    """

    asked: dict[str, dict[str, Any]]
    hidden: dict[str, str]
    bridge: dict[str, str]

    @classmethod
    def read(cls, copier_yml: Path) -> Questions:
        """Read and check the questions.

        Raises:
            QuestionError: a question has no default, a banned name, an unusable type or choice.
        """
        data = {key: value for key, value in load_yaml(copier_yml).items() if not key.startswith("_")}
        bridge = data.pop(BRIDGE, {"default": ""})
        for question in data.values():
            if "default" in question:
                question["default"] = own_default(question, data)
        for name, question in data.items():
            _check_question(name, question)
        return cls(
            asked={name: question for name, question in data.items() if question.get("when") is not False},
            hidden={
                name: question["default"].strip() for name, question in data.items() if question.get("when") is False
            },
            bridge=bridged(bridge["default"]),
        )

    def offered(self) -> dict[str, tuple[str, ...]]:
        """Give the values of each choice, its default first."""
        return {
            name: _default_first(list(question["choices"].values()), question["default"])
            for name, question in self.asked.items()
            if "choices" in question
        }

    def cookiecutter_json(self) -> str:
        """Write the text of `cookiecutter.json`.

        Raises:
            QuestionError: a default uses a name that is no earlier question, or the bridge lacks a name.
        """
        names: dict[str, str] = {}
        answers: dict[str, Any] = {}
        prompts: dict[str, Any] = {}
        for name, question in self.asked.items():
            names[name] = name
            if "choices" in question:
                answers[name] = list(_default_first(list(question["choices"].values()), question["default"]))
                prompts[name] = {"__prompt__": _one_line(question["help"])} | {
                    value: label for label, value in question["choices"].items()
                }
            else:
                answers[name] = _in_cookiecutter(name, question["default"], names)
                prompts[name] = _one_line(question["help"])
        for name, template in self.hidden.items():
            answers[f"__{name}"] = _in_cookiecutter(name, _as_folder(name, template), names)
            names[name] = f"__{name}"
        self._check_bridge(names)
        return json.dumps({**answers, **SETTINGS, "__prompts__": prompts}, indent=2, ensure_ascii=False) + "\n"

    def _check_bridge(self, names: dict[str, str]) -> None:
        wanted = {private: name for name, private in names.items()} | dict.fromkeys(BRIDGED_SETTINGS, "")
        missing, extra = sorted(set(wanted) - set(self.bridge)), sorted(set(self.bridge) - set(wanted))
        crossed = sorted(key for key, name in self.bridge.items() if wanted.get(key) and wanted[key] != name)
        if missing or extra or crossed:
            message = f"copier.yml: {BRIDGE}: missing {missing}, unknown {extra}, given another name's value {crossed}"
            raise QuestionError(message)


def own_default(question: Mapping[str, Any], questions: Collection[str]) -> Any:
    """Give the default of a question where there is no answer to an earlier one that it takes over."""
    default = question.get("default")
    found = RENAMED.fullmatch(default.strip()) if isinstance(default, str) else None
    return found["value"] if found and found["old"] not in questions else default


def load_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds one mapping."""
    data: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return data


def validator(name: str, rule: Rule) -> str:
    """Write the validator of a question for Copier: the answer and the rule that it breaks."""
    pattern = rule.pattern.replace("\\Z", "\\\\Z").replace("'", "\\'")
    told = f"{{{{ {name}[:{SHOWN}] | tojson }}}} breaks the rule: {rule.sentence}"
    return f"{{% if not ({name} | regex_search('^(?:{pattern})\\\\Z')) %}}{told}{{% endif %}}"


def stale_validators(questions: Questions) -> dict[str, str]:
    """Give the questions whose validator is not the one written from their rule, with the text it must be."""
    wanted = {name: validator(name, RULES[name]) for name in questions.asked if name in RULES}
    return {name: text for name, text in wanted.items() if questions.asked[name].get("validator", "").strip() != text}


def _check_question(name: str, question: dict[str, Any]) -> None:
    if not NAME.fullmatch(name) or name in BANNED_NAMES:
        message = f"copier.yml: {name}: not a usable name in both engines; choose another word"
        raise QuestionError(message)
    if question.get("type") not in ("str", "bool") or "default" not in question:
        message = f"copier.yml: {name}: needs type str or bool and a default, or unattended updates stop at it"
        raise QuestionError(message)
    if question.get("when") is False:
        return
    if not question.get("help"):
        message = f"copier.yml: {name}: has no help; say in a sentence what the answer does"
        raise QuestionError(message)
    if "choices" in question:
        values = list(question["choices"].values())
        if question["default"] not in values or not all(isinstance(value, str) for value in values):
            message = f"copier.yml: {name}: choices must be quoted strings and hold the default {question['default']!r}"
            raise QuestionError(message)
    elif question["type"] == "str" and name not in RULES:
        message = f"copier.yml: {name}: a free answer needs a rule in slipway/answers.py"
        raise QuestionError(message)


def bridged(template: str) -> dict[str, str]:
    """Give the names that the hidden answer `cookiecutter` carries, each with the question it takes its value from."""
    call = Environment(autoescape=True).parse(template).find(nodes.Call)
    if call is None:
        return {}
    return {pair.key: pair.value.name if isinstance(pair.value, nodes.Name) else "" for pair in call.kwargs}


def _as_folder(name: str, template: str) -> str:
    found = FOLDER.fullmatch(template)
    return f"{{{{ '.lift.{name}' if {found['condition']} else '.drop.{name}' }}}}" if found else template


def _in_cookiecutter(name: str, template: Any, names: dict[str, str]) -> Any:
    if not isinstance(template, str):
        return template
    template = template.strip()
    if template == TODAY["copier"]:
        return TODAY["cookiecutter"]
    free = meta.find_undeclared_variables(Environment(autoescape=True).parse(template))
    if unknown := sorted(free - set(names)):
        message = f"copier.yml: {name}: its default uses {unknown}, which is no earlier question"
        raise QuestionError(message)
    for variable in free:
        template = re.sub(rf"(?<![\w.'\"]){variable}\b(?!['\"])", f"cookiecutter.{names[variable]}", template)
    return template


def _default_first(values: list[str], default: str) -> tuple[str, ...]:
    return (default, *(value for value in values if value != default))


def _one_line(text: str) -> str:
    return " ".join(text.split())
