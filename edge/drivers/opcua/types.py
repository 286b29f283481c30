"""Owns what a server says of its types: the words of an enumeration, the layout of a structure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds

from edge.drivers.opcua import services
from edge.drivers.opcua.services import Limits
from edge.drivers.opcua.session import Session
from edge.drivers.opcua.structures import Field, Form, Layout

_LAST_BUILT_IN = 25
# abstract types whose values come as they are
_ABSTRACT = {26: ua.VariantType.Variant, 27: ua.VariantType.Variant, 28: ua.VariantType.Variant}
_ENUMERATION, _STRUCTURE = 29, 22
# deeper than any companion specification derives
_DEEPEST = 12


@dataclass(slots=True)
class Types:
    """What is known of one server's types, for as long as a session.

    Attributes:
        words: Of each point whose value is an enumeration's, number to word.
        layouts: Structures by the id of their binary encoding.
    """

    words: dict[int, dict[int, str]] = field(default_factory=dict)
    layouts: dict[ua.NodeId, Layout] = field(default_factory=dict)
    _by_type: dict[ua.NodeId, "ua.VariantType | Layout | None"] = field(default_factory=dict)
    _words_by_type: dict[ua.NodeId, dict[int, str]] = field(default_factory=dict)

    async def learn(self, session: Session, bounds: Limits, nodes: Mapping[int, ua.NodeId]) -> None:
        """Ask for the types of points' nodes.

        Raises:
            DriverError: The session was lost; a server that does not describe its types raises nothing.
        """
        wanted = [(node, AttributeIds.DataType) for node in nodes.values()]
        answers = await services.attributes(session, bounds, wanted)
        kinds = {point: services.value_of(answer) for point, answer in zip(nodes, answers, strict=True)}
        for kind in {kind for kind in kinds.values() if isinstance(kind, ua.NodeId) and not _is_built_in(kind)}:
            await self._kind(session, bounds, kind, 0)
        self.words |= {point: words for point, kind in kinds.items() if (words := self._words_by_type.get(kind))}

    async def _kind(
        self, session: Session, bounds: Limits, type_id: ua.NodeId, depth: int
    ) -> "ua.VariantType | Layout | None":
        """Return how values of a type are encoded, None if the server does not say."""
        if _is_built_in(type_id):
            number = int(type_id.Identifier)
            return _ABSTRACT.get(number) or ua.VariantType(number)
        if type_id in self._by_type or depth > _DEEPEST:
            return self._by_type.get(type_id)
        self._by_type[type_id] = None
        (answer,) = await services.attributes(session, bounds, [(type_id, AttributeIds.DataTypeDefinition)])
        definition = services.value_of(answer)
        if isinstance(definition, ua.StructureDefinition):
            self._by_type[type_id] = await self._layout(session, bounds, definition, depth)
        elif isinstance(definition, ua.EnumDefinition):
            self._words_by_type[type_id] = {int(each.Value): str(each.Name) for each in definition.Fields or []}
            self._by_type[type_id] = ua.VariantType.Int32
        else:
            self._by_type[type_id] = await self._derived(session, bounds, type_id, depth)
        return self._by_type[type_id]

    async def _layout(
        self, session: Session, bounds: Limits, definition: ua.StructureDefinition, depth: int
    ) -> Layout | None:
        fields = []
        for each in definition.Fields or []:
            kind = await self._kind(session, bounds, each.DataType, depth + 1)
            if kind is None:
                return None
            fields.append(Field(str(each.Name), kind, (each.ValueRank or -1) >= 1, bool(each.IsOptional)))
        forms = {
            ua.StructureType.StructureWithOptionalFields: Form.OPTIONAL,
            ua.StructureType.Union: Form.UNION,
        }
        layout = Layout(tuple(fields), forms.get(definition.StructureType, Form.PLAIN))
        self.layouts[definition.DefaultEncodingId] = layout
        return layout

    async def _derived(
        self, session: Session, bounds: Limits, type_id: ua.NodeId, depth: int
    ) -> "ua.VariantType | Layout | None":
        """Return how values of a type without a definition are encoded: as those of the type it derives from."""
        above = await services.references(session, bounds, [type_id], ObjectIds.HasSubtype, ua.BrowseDirection.Inverse)
        parent = above[0][0].NodeId if above and above[0] else None
        if parent is None:
            return None
        if parent == ua.NodeId(ua.Int32(_ENUMERATION)):
            words = await self._enumeration(session, bounds, type_id)
            if words:
                self._words_by_type[type_id] = words
            return ua.VariantType.Int32
        if parent == ua.NodeId(ua.Int32(_STRUCTURE)):
            return None
        return await self._kind(session, bounds, parent, depth + 1)

    async def _enumeration(self, session: Session, bounds: Limits, type_id: ua.NodeId) -> dict[int, str]:
        """Read the words of an enumeration from its property, as servers before 1.04 have them."""
        (properties,) = await services.references(session, bounds, [type_id], ObjectIds.HasProperty)
        for each in properties:
            if each.BrowseName.Name not in ("EnumStrings", "EnumValues"):
                continue
            (answer,) = await services.attributes(session, bounds, [(each.NodeId, AttributeIds.Value)])
            values = services.value_of(answer) or []
            if each.BrowseName.Name == "EnumStrings":
                return {number: text.Text or "" for number, text in enumerate(values)}
            return {int(value.Value): value.DisplayName.Text or "" for value in values}
        return {}


def _is_built_in(type_id: ua.NodeId) -> bool:
    number = type_id.Identifier
    if type_id.NamespaceIndex or not isinstance(number, int):
        return False
    return (number <= _LAST_BUILT_IN and number != _STRUCTURE) or number in _ABSTRACT
