"""The packs in force: one a jurisdiction, and the one for calls that name none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from pipeline.policy.lexicon import Lexicon
from pipeline.policy.pack import PACKS_DIR, Pack, read_pack
from pipeline.policy.sounds import SoundEntry
from pipeline.policy.source import BadPolicy
from pipeline.records import CallContext, Jurisdiction

__all__ = ["PACKS_DIR", "Pack", "Registry", "load_registry", "read_pack", "shipped_packs"]


@dataclass(frozen=True, slots=True)
class Registry:
    """The packs in force, and the one for calls that name no jurisdiction."""

    packs: Mapping[Jurisdiction, Pack]
    default: Jurisdiction

    def pack_for(self, context: CallContext) -> Pack:
        """The pack of the call's jurisdiction; the default one when it names none or one without a pack."""
        return self.packs.get(context.jurisdiction or self.default, self.packs[self.default])

    @property
    def lexicons(self) -> tuple[Lexicon, ...]:
        """Every lexicon of every pack once: detection does not know the law."""
        return tuple({lexicon.name: lexicon for pack in self.packs.values() for lexicon in pack.lexicons}.values())

    @property
    def sounds(self) -> tuple[SoundEntry, ...]:
        """What sounds mean in every pack, each entry once."""
        return tuple({entry.id: entry for pack in self.packs.values() for entry in pack.sounds}.values())

    def with_packs(self, packs: Iterable[Pack]) -> Registry:
        """The same with these packs in force in their jurisdictions."""
        return Registry({**self.packs, **{pack.jurisdiction: pack for pack in packs}}, self.default)


@cache
def shipped_packs() -> tuple[Pack, ...]:
    """The packs that come with Forbear."""
    return tuple(map(read_pack, sorted(PACKS_DIR.glob("*.yaml"))))


def load_registry(default: str = "CN", packs: Iterable[Pack] = ()) -> Registry:
    """The packs that ship with `packs` put over them; `default` is a jurisdiction's code."""
    in_force = {pack.jurisdiction: pack for pack in (*shipped_packs(), *packs)}
    try:
        jurisdiction = Jurisdiction(default)
    except ValueError:
        raise BadPolicy(f"'{default}' is no jurisdiction; say one of {', '.join(Jurisdiction)}.") from None
    if jurisdiction not in in_force:
        raise BadPolicy(f"there is no policy pack for {jurisdiction}; packs: {', '.join(in_force)}.")
    return Registry(in_force, jurisdiction)
