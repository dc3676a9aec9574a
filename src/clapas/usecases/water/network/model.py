"""The hydraulic model of a network (EPANET .inp): its zones, and where a leak would show as it does.

Each junction in turn is given a leak of ten cubic metres an hour; what changes at the meters and at the
pressure sensors is that junction's signature. A real leak's signature is compared with all of them.
"""

import contextlib
import tempfile
from functools import cached_property
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from clapas.usecases.water.errors import BadTable
from clapas.usecases.water.leaks.arrays import Floats
from clapas.usecases.water.network.balance import Zone

TRIAL_FLOW = 10.0
EMITTER, STATUS, FLOW, PRESSURE, JUNCTION = 3, 11, 8, 11, 0
"""Codes of EPANET's toolkit for the properties of nodes and links."""


class Signatures(msgspec.Struct, frozen=True, kw_only=True):
    """Per junction: share of the leak seen by each meter, and fall of each pressure sensor (m)."""

    nodes: tuple[str, ...]
    flows: Floats
    falls: Floats


class Model:
    """A network model read from an EPANET file."""

    def __init__(self, path: Path) -> None:
        import wntr  # heavy: only who reads a model waits for it

        self.path = path
        self._wntr: Any = wntr
        self.network: Any = _read(wntr, path)
        self._ways: dict[str, dict[str, float]] = {}

    def zones(self, flows: tuple[str, ...], levels: tuple[str, ...]) -> tuple[Zone, ...]:
        """The pieces of the network that remain when its metered links are cut.

        A piece with a tank whose level is not read has no balance: it is left out when another piece has one.
        """
        pieces = self._pieces(flows)
        found: list[Zone] = []
        blind: list[Zone] = []
        for piece in pieces:
            signed = self._signed(piece, flows)
            if not signed or not any(name in piece for name in self.network.junction_name_list):
                continue
            inlets = tuple(name for name, sign in signed.items() if sign > 0)
            tanks = {
                name: float(np.pi * self.network.get_node(name).diameter ** 2 / 4)
                for name in levels
                if name in piece and name in self.network.tank_name_list
            }
            unread = any(
                name in piece and name not in levels for name in self.network.tank_name_list
            )
            (blind if unread else found).append(
                Zone(
                    name="+".join(inlets),
                    flows=signed,
                    tanks=tanks,
                    inlets=inlets if len(inlets) > 1 else (),
                )
            )
        return tuple(found or blind)

    def _pieces(self, cut: tuple[str, ...]) -> list[set[str]]:
        parent: dict[str, str] = {name: name for name in self.network.node_name_list}

        def root(name: str) -> str:
            while parent[name] != name:
                parent[name] = parent[parent[name]]
                name = parent[name]
            return name

        for name, link in self.network.links():
            if name not in cut:
                parent[root(link.start_node_name)] = root(link.end_node_name)
        pieces: dict[str, set[str]] = {}
        for name in parent:
            pieces.setdefault(root(name), set()).add(name)
        return sorted(pieces.values(), key=len, reverse=True)

    def _signed(self, piece: set[str], flows: tuple[str, ...]) -> dict[str, float]:
        signed = {}
        for name in flows:
            if name not in self.network.link_name_list:
                continue
            link = self.network.get_link(name)
            inside = (link.start_node_name in piece, link.end_node_name in piece)
            if inside[0] != inside[1]:
                signed[name] = 1.0 if inside[1] else -1.0
        return signed

    def nodes_of(self, zone: Zone, flows: tuple[str, ...]) -> set[str]:
        """The junctions of a zone."""
        for piece in self._pieces(flows):
            if self._signed(piece, flows) == zone.flows:
                return {name for name in piece if name in self.network.junction_name_list}
        return set()

    def signatures(self, flows: tuple[str, ...], sensors: tuple[str, ...]) -> Signatures:
        """Simulate a leak at each junction (about five seconds for 800 junctions)."""
        path = self.path.resolve()
        # EPANET writes scratch files where it runs, and leaves them there when it is killed.
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            base = Path(folder)
            toolkit = self._wntr.epanet.toolkit.ENepanet()
            toolkit.ENopen(str(path), str(base / "run.rpt"), str(base / "run.bin"))
            toolkit.ENopenH()
            try:
                return self._leak_everywhere(toolkit, flows, sensors=sensors)
            finally:
                toolkit.ENcloseH()
                toolkit.ENclose()

    def _leak_everywhere(
        self, toolkit: Any, flows: tuple[str, ...], *, sensors: tuple[str, ...]
    ) -> Signatures:
        links = [toolkit.ENgetlinkindex(name) for name in flows]
        places = [toolkit.ENgetnodeindex(name) for name in sensors]
        nodes = tuple(self.network.junction_name_list)

        def solve() -> tuple[Floats, Floats]:
            toolkit.ENinitH(0)
            toolkit.ENrunH()
            flow = np.array([toolkit.ENgetlinkvalue(link, FLOW) for link in links])
            return flow, np.array([toolkit.ENgetnodevalue(place, PRESSURE) for place in places])

        flow, pressure = solve()
        changed_flow, fallen = (
            np.zeros((len(nodes), len(links))),
            np.zeros((len(nodes), len(places))),
        )
        for number, name in enumerate(nodes):
            index = toolkit.ENgetnodeindex(name)
            head = max(toolkit.ENgetnodevalue(index, PRESSURE), 10.0)
            toolkit.ENsetnodevalue(index, EMITTER, TRIAL_FLOW / np.sqrt(head))
            leaky_flow, leaky_pressure = solve()
            toolkit.ENsetnodevalue(index, EMITTER, 0.0)
            changed_flow[number] = (leaky_flow - flow) / TRIAL_FLOW
            fallen[number] = pressure - leaky_pressure
        return Signatures(nodes=nodes, flows=changed_flow, falls=fallen)

    def pipes_at(self, nodes: list[str]) -> list[str]:
        """Pipes at these junctions, in their order, each once."""
        found: list[str] = []
        for node in nodes:
            for name in self.network.get_links_for_node(node):
                if name in self.network.pipe_name_list and name not in found:
                    found.append(name)
        return found

    def line_of(self, pipe: str) -> tuple[tuple[float, float], ...]:
        """The ends of a pipe, with its bends, in the model's own coordinates."""
        link = self.network.get_link(pipe)
        places = [link.start_node.coordinates, *link.vertices, link.end_node.coordinates]
        return tuple((float(x), float(y)) for x, y in places)

    def metres_between(self, first: str, second: str) -> float:
        """Distance between the middles of two pipes, along the pipes (m); infinite when nothing joins them."""
        if first == second:
            return 0.0
        ends = [self.network.get_link(name) for name in (first, second)]
        shortest = min(
            self._metres_from(end).get(other, np.inf)
            for end in (ends[0].start_node_name, ends[0].end_node_name)
            for other in (ends[1].start_node_name, ends[1].end_node_name)
        )
        return float(shortest + sum(getattr(end, "length", 0.0) for end in ends) / 2)

    def _metres_from(self, node: str) -> dict[str, float]:
        """Length of the shortest way along the pipes to every node (m), by Dijkstra."""
        if node in self._ways:
            return self._ways[node]
        found: dict[str, float] = {}
        heap = [(0.0, node)]
        while heap:
            metres, here = heappop(heap)
            if here in found:
                continue
            found[here] = metres
            for other, length in self._neighbours[here]:
                if other not in found:
                    heappush(heap, (metres + length, other))
        self._ways[node] = found
        return found

    @cached_property
    def _neighbours(self) -> dict[str, list[tuple[str, float]]]:
        around: dict[str, list[tuple[str, float]]] = {
            name: [] for name in self.network.node_name_list
        }
        for _, link in self.network.links():
            length = float(getattr(link, "length", 0.0))
            around[link.start_node_name].append((link.end_node_name, length))
            around[link.end_node_name].append((link.start_node_name, length))
        return around


def _read(wntr: Any, path: Path) -> Any:
    """The network of an EPANET file. Raises BadTable when it cannot be read."""
    try:
        path.open("rb").close()
        return wntr.network.WaterNetworkModel(str(path))
    except OSError as error:
        raise BadTable(f"{path}: {error.strerror or error}", path=str(path)) from error
    except (wntr.epanet.exceptions.EpanetException, LookupError, TypeError, ValueError) as error:
        raise BadTable(f"{path}: not an EPANET model: {error}", path=str(path)) from error


def rank(signatures: Signatures, inside: set[str], *, share: Floats | None) -> list[str]:
    """Junctions of the zone, the likeliest first, by the meters' share of what is lost (of 1)."""
    keep = [n for n, name in enumerate(signatures.nodes) if name in inside]
    cost = np.zeros(len(keep))
    if share is not None:
        expected = np.abs(signatures.flows[keep])
        expected = expected / np.maximum(expected.sum(axis=1, keepdims=True), 1e-9)
        cost += np.abs(expected - share).sum(axis=1)
    return [signatures.nodes[keep[n]] for n in np.argsort(cost, kind="stable")]
