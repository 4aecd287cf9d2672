"""Ways in and out: policies, Services and routes, namespaces, rights."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from slipway.contract.kubernetes import (
    Findings,
    Told,
    across,
    at,
    called,
    each,
    entries,
    own_containers,
    sub,
    template,
    words,
)
from slipway.contract.overlays import CLUSTER_WIDE, Build, Made
from slipway.contract.pods import seconds
from slipway.contract.references import labels, matches, ports_of, selected, workloads
from slipway.contract.registry import check
from slipway.contract.repository import Document, Repository, line_of

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
METADATA = ipaddress.ip_network("169.254.169.254/32")
ENVIRONMENTS = ("dev", "staging", "production")
ENFORCE = "pod-security.kubernetes.io/enforce"
NARROW = 8
RESOLVERS = frozenset({"kube-system", "openshift-dns"})
STORES = {"mongodb": {27017}, "postgresql": {5432}}
INSIDE = frozenset({"/livez", "/metrics", "/readyz", "/version"})
STANDING = frozenset({"escalate", "bind", "impersonate"})
HOLDS_SECRETS = frozenset({"get", "list", "watch", "*"})


@check(
    "K8S028",
    "nothing is reached, and nothing reaches out, unless a policy names it",
    why="Without a policy that denies both directions every pod of the cluster may talk to this one (row N09).",
    fix="Keep a NetworkPolicy with podSelector: {} and policyTypes [Ingress, Egress], and allow DNS to every pod.",
)
def denied(repository: Repository) -> Findings:
    """Yield overlays without a policy that denies, and pods that cannot ask for names."""
    yield from across(repository, _open)
    yield from across(repository, _unreached)


def _unreached(build: Build) -> Findings:
    """Yield pods that are told of a store or a broker which no policy lets them reach."""
    settings = {
        name: value for (kind, _), held in build.settings.items() if kind == "ConfigMap" for name, value in held.items()
    }
    brokers = {int(port) for port in re.findall(r":([0-9]+)(?:,|$)", settings.get("KAFKA_BROKERS", ""))}
    issuer = re.match(
        r"(https?)://[^/:]+(?::([0-9]+))?", settings.get("AUTH_JWKS_URL") or settings.get("AUTH_ISSUER") or ""
    )
    keys = {int(issuer[2]) if issuer[2] else 443 if issuer[1] == "https" else 80} if issuer else set()
    wanted = {"DATABASE_URL": STORES.get(settings.get("STORE", ""), set()), "KAFKA_SASL_PASSWORD": brokers}
    for made in workloads(build):
        told = {
            str(one.get("name"))
            for container in own_containers(sub(template(made.content), "spec"))
            for one in entries(container, "env")
        }
        mine = [one for one in build.of("NetworkPolicy") if made in selected(build, one) and "Egress" in _types(one)]
        rules = [rule for one in mine for rule in entries(one.spec, "egress")]
        if "http" in ports_of(made) and not all(any(_leads_to(rule, one) for rule in rules) for one in keys if mine):
            way = f"no NetworkPolicy lets it reach port {min(keys)}"
            yield *at(made), f"{made} asks the token issuer for its keys, and {way}"
        for name, numbers in wanted.items():
            for number in sorted(numbers) if mine and name in told else ():
                if not any(_leads_to(rule, number) for rule in rules):
                    yield *at(made), f"{made} is told {name}, and no NetworkPolicy lets it reach port {number}"


def _leads_to(rule: Document, number: int) -> bool:
    ports = entries(rule, "ports")
    ranges = [
        (one.get("port"), one.get("endPort", one.get("port"))) for one in ports if one.get("protocol", "TCP") == "TCP"
    ]
    return not ports or any(isinstance(a, int) and isinstance(b, int) and a <= number <= b for a, b in ranges)


def _types(made: Made) -> set[str]:
    given = words(made.spec, "policyTypes")
    return {*given} if given else {"Ingress", *(["Egress"] if "egress" in made.spec else [])}


def _open(build: Build) -> Findings:
    policies = list(build.of("NetworkPolicy"))
    if not any(True for _ in workloads(build)):
        return
    for kind, rules in (("Ingress", "ingress"), ("Egress", "egress")):
        if not any(_everything(made) and kind in _types(made) and not made.spec.get(rules) for made in policies):
            yield build.path, 0, f"no NetworkPolicy denies {kind} to every pod of {build.name}"
    for made in workloads(build):
        mine = [one for one in policies if made in selected(build, one) and "Egress" in _types(one)]
        if mine and not any(_names(rule) for one in mine for rule in entries(one.spec, "egress")):
            yield *at(made), f"no NetworkPolicy lets {made} ask for names: port 53 over UDP and TCP"
        heard = [one for one in policies if made in selected(build, one) and "Ingress" in _types(one)]
        open_ports = {
            port.get("port")
            for one in heard
            for rule in entries(one.spec, "ingress")
            for port in entries(rule, "ports")
            if port.get("protocol", "TCP") == "TCP"
        }
        for service in build.of("Service"):
            for port in entries(service.spec, "ports") if made in selected(build, service) else ():
                target = port.get("targetPort", port.get("port"))
                if heard and target in ports_of(made) and target not in open_ports:
                    yield *at(service, "spec", "ports"), f"no NetworkPolicy lets anybody reach port {target} of {made}"


def _everything(made: Made) -> bool:
    chosen = made.spec.get("podSelector")
    return isinstance(chosen, dict) and not chosen.get("matchLabels") and not chosen.get("matchExpressions")


def _names(rule: Document) -> bool:
    ports = entries(rule, "ports")
    return not ports or {"TCP", "UDP"} <= {str(one.get("protocol", "TCP")) for one in ports if one.get("port") == 53}  # noqa: PLR2004


@check(
    "K8S029",
    "a policy names who, and where to",
    why="A rule without a peer, or with the whole internet, allows what the denying policy was there for (row N09).",
    fix="Name the pods, the namespace or the block, and the ports; keep 169.254.0.0/16 out of a block for everything.",
)
def named_peers(repository: Repository) -> Findings:
    """Yield rules that let anybody in, or everything out."""
    yield from each(repository, _wide)
    yield from across(repository, _strange)


def _strange(build: Build) -> Findings:
    """Yield peers that are pods of this namespace, and that no pod here is."""
    for made in build.of("NetworkPolicy"):
        for key, peer in (("ingress", "from"), ("egress", "to")):
            for one in (one for rule in entries(made.spec, key) for one in entries(rule, peer)):
                chosen = sub(one, "podSelector")
                if (
                    {*one} == {"podSelector"}
                    and chosen
                    and not any(matches(chosen, labels(pod)) for pod in workloads(build))
                ):
                    told = chosen.get("matchLabels") or chosen.get("matchExpressions")
                    yield (
                        made.path,
                        line_of(one),
                        f"{made}: no pod of this namespace carries {told}; is its namespace meant?",
                    )


def _wide(content: Document) -> Told:
    if content.get("kind") != "NetworkPolicy":
        return
    spec, who = sub(content, "spec"), called(content)
    types = words(spec, "policyTypes")
    for key, kind, peer in (("ingress", "Ingress", "from"), ("egress", "Egress", "to")):
        if key in spec and types and kind not in types:
            yield line_of(spec, key), f"{who} has {key} rules, and policyTypes without {kind}: they do nothing"
        rules = spec.get(key)
        opened = [rule for rule in entries(spec, key) if kind == "Ingress" and entries(rule, "ports")]
        if opened and not sub(spec, "podSelector"):
            yield line_of(spec, "podSelector"), f"{who} opens ports of every pod of the namespace: name the pods"
        for rule in rules if isinstance(rules, list) else ():
            yield from ((line_of(rule), f"{who}: {message}") for message in _rule(rule, kind, peer))


def _rule(rule: object, kind: str, peer: str) -> Iterator[str]:
    peers = entries(rule, peer)
    ports = entries(rule, "ports")
    if not peers:
        if kind == "Ingress" or not {53} >= {one.get("port") for one in ports} or not ports:
            yield f"an {kind} rule without {peer} allows everybody"
    elif not ports:
        yield f"an {kind} rule without ports allows every port"
    for one in peers:
        place = sub(one, "namespaceSelector", "matchLabels").get("kubernetes.io/metadata.name")
        if kind == "Egress" and {port.get("port") for port in ports} == {53} and place not in RESOLVERS | {None}:
            yield f"names are asked for in {place}, and the cluster's resolver is in kube-system"
        block = sub(one, "ipBlock")
        if "ipBlock" in one:
            yield from _block(block, kind)
        elif "namespaceSelector" in one and not sub(one, "namespaceSelector") and not sub(one, "podSelector"):
            yield f"an {kind} rule allows every pod of every namespace"
        loose = [key for key in sub(one, "namespaceSelector", "matchLabels") if "/" not in str(key)]
        if loose:
            yield f"an {kind} rule knows a namespace by {', '.join(loose)}, not by kubernetes.io/metadata.name"


def _block(block: Document, kind: str) -> Iterator[str]:
    try:
        whole = ipaddress.ip_network(str(block.get("cidr")))
        left_out = [ipaddress.ip_network(one) for one in words(block, "except")]
    except ValueError as error:
        yield f"{error}"
        return
    if whole.prefixlen == 0 and kind == "Ingress":
        yield f"an Ingress rule allows the whole internet: {whole}"
    elif whole.prefixlen < NARROW and kind == "Ingress" and not whole.is_private:
        yield f"an Ingress rule allows a large part of the internet: {whole}"
    if kind == "Egress" and _within(METADATA, whole) and not any(_within(METADATA, one) for one in left_out):
        yield f"an Egress rule allows {whole} with 169.254.169.254, which hands out the rights of the node"
    yield from (f"the exception {one} is not in {whole}" for one in left_out if not _within(one, whole))


def _within(part: Network, whole: Network) -> bool:
    return part.version == whole.version and part.subnet_of(whole)  # type: ignore[arg-type]


@check(
    "K8S030",
    "the world comes in by the gateway alone",
    why="A load balancer or a port of the node goes around the gateway, its certificates and its limits (row N10).",
    fix="Leave the Service a ClusterIP, and publish it by an HTTPRoute.",
)
def published(repository: Repository) -> Findings:
    """Yield Services and Ingresses that open another way."""
    yield from each(repository, _published)


def _published(content: Document) -> Told:
    spec, who = sub(content, "spec"), called(content)
    if content.get("kind") == "Service":
        yield from _opened(spec, who)
    if content.get("kind") == "HTTPRoute":
        yield from _routed(spec, who)
    if content.get("kind") == "Ingress" and not entries(spec, "tls"):
        yield line_of(spec), f"{who} has no tls"


def _opened(spec: Document, who: str) -> Told:
    if spec.get("type", "ClusterIP") != "ClusterIP":
        yield line_of(spec, "type"), f"{who} has type {spec['type']}, not ClusterIP"
    if spec.get("externalIPs"):
        yield line_of(spec, "externalIPs"), f"{who} takes externalIPs"
    for port in entries(spec, "ports"):
        if port.get("nodePort"):
            yield line_of(port), f"{who} takes nodePort {port['nodePort']}"
        if port.get("targetPort") in ("admin", 9090):
            yield line_of(port), f"{who} publishes the admin port"
    if not entries(spec, "ports"):
        yield line_of(spec), f"{who} has no ports"


def _routed(spec: Document, who: str) -> Told:
    if not entries(spec, "parentRefs"):
        yield line_of(spec), f"{who} names no gateway in parentRefs"
    if not words(spec, "hostnames"):
        yield line_of(spec), f"{who} names no hostnames, and takes the requests of every other service"
    for one in entries(spec, "parentRefs"):
        if one.get("sectionName") == "http":
            yield line_of(one), f"{who} comes in by the listener http, without TLS"
    for rule in entries(spec, "rules"):
        if not entries(rule, "backendRefs") and not entries(rule, "filters"):
            yield line_of(rule), f"{who}: a rule leads to no backend"
        limits = sub(rule, "timeouts")
        whole, once = seconds(limits.get("request")), seconds(limits.get("backendRequest"))
        if whole and once and once > whole:
            yield (
                line_of(limits),
                f"{who}: backendRequest {limits['backendRequest']} is longer than {limits['request']}",
            )
        yield from ((line_of(rule), f"{who} {told}") for told in _ways(rule))


def _ways(rule: Document) -> Iterator[str]:
    paths = [sub(one, "path") for one in entries(rule, "matches")]
    for way in (str(one.get("value")) for one in paths):
        if way in INSIDE:
            yield f"publishes {way}, which belongs to the cluster"
        if way == "/" and all(one.get("type") == "Exact" for one in paths):
            yield "leads / alone to the service, by Exact; say PathPrefix"


@check(
    "K8S031",
    "each environment has a namespace of its own that enforces the restricted standard",
    why="Without the label the cluster runs what the standard forbids; shared, dev reaches production (row N08).",
    fix=f"namespace: SERVICE-ENVIRONMENT in the overlay, and a Namespace of that name with {ENFORCE}: restricted.",
)
def namespaces(repository: Repository) -> Findings:
    """Yield overlays without a namespace of their own, and Namespaces that enforce less."""
    slug = str(repository.answers.get("project_slug") or "")
    yield from each(repository, _enforced)

    def judge(build: Build) -> Findings:
        if build.name not in ENVIRONMENTS or not build.real:
            return
        wanted = f"{slug}-{build.name}"
        given = repository.kustomizations[build.path].get("namespace")
        line = line_of(repository.kustomizations[build.path], "namespace")
        if slug and given != wanted:
            yield build.path, line, f"the namespace of {build.name} is {given}, not {wanted}"
        elif not any(one.name == given for one in build.of("Namespace")):
            yield build.path, line, f"nothing makes the Namespace {given}"
        for one in build.of("Namespace"):
            if slug and one.name != wanted:
                yield *at(one, "metadata", "name"), f"{one} is not {wanted}"
        for one in build.objects:
            held = sub(one.content, "metadata").get("namespace")
            if held not in (None, given) and one.kind not in CLUSTER_WIDE:
                yield *at(one, "metadata", "namespace"), f"{one} goes to the namespace {held}, not to {given}"

    yield from across(repository, judge)
    yield from _settled(repository)


def _settled(repository: Repository) -> Findings:
    for path, content in repository.manifests:
        held = sub(content, "metadata").get("namespace")
        if held and content.get("kind") not in CLUSTER_WIDE and path.startswith("k8s/"):
            line = line_of(sub(content, "metadata"), "namespace")
            yield path, line, f"{called(content)} says namespace: {held}; that is for the overlay to say"


def _enforced(content: Document) -> Told:
    if content.get("kind") == "Namespace":
        labels = sub(content, "metadata", "labels")
        if labels.get(ENFORCE) != "restricted":
            yield line_of(sub(content, "metadata"), "labels"), f"{called(content)}: {ENFORCE} is {labels.get(ENFORCE)}"


@check(
    "K8S032",
    "rights are named one by one, and end at the namespace",
    why="A star gives what the next release of the cluster adds; a binding to it all reaches every team (row N08).",
    fix="Name groups, resources and verbs in a Role, and bind it with a RoleBinding.",
)
def rights(repository: Repository) -> Findings:
    """Yield rights that are wider than a service needs."""
    yield from each(repository, _wide_rights)


def _wide_rights(content: Document) -> Told:
    kind, who = content.get("kind"), called(content)
    if kind in ("ClusterRoleBinding", "ClusterRole"):
        yield line_of(content), f"{who} reaches the whole cluster"
    if kind == "RoleBinding" and sub(content, "roleRef").get("name") in ("cluster-admin", "admin", "edit"):
        yield line_of(content, "roleRef"), f"{who} gives {sub(content, 'roleRef')['name']}"
    for one in entries(content, "subjects"):
        if one.get("kind") == "Group" and str(one.get("name")).startswith("system:"):
            yield line_of(one), f"{who} gives rights to {one['name']}"
    if kind in ("Role", "ClusterRole"):
        yield from _granted(content, who)


def _granted(content: Document, who: str) -> Told:
    for rule in entries(content, "rules"):
        for key in ("apiGroups", "resources", "verbs"):
            if "*" in words(rule, key):
                yield line_of(rule, key), f"{who} allows {key}: *"
        verbs = {*words(rule, "verbs")}
        if verbs & STANDING:
            yield line_of(rule), f"{who} allows {', '.join(sorted(verbs & STANDING))}"
        if "secrets" in words(rule, "resources") and verbs & HOLDS_SECRETS and not words(rule, "resourceNames"):
            yield line_of(rule), f"{who} reads every Secret"
