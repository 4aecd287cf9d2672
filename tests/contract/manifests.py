"""Defective manifests, as people write them: one change each, and the check that names it."""

from __future__ import annotations

from typing import Any

from tests.contract.planting import Planted, Step, another, drop, edit, gone, kustomization, more, put

API = "k8s/base/api.yaml"
PRODUCTION = "k8s/overlays/production"
POD = "spec/template/spec"
MAIN = f"{POD}/containers/0"
PLAIN_JOB = (
    "jobTemplate: {spec: {backoffLimit: 1, activeDeadlineSeconds: 60, template: {spec: {restartPolicy: Never,"
    " serviceAccountName: api, automountServiceAccountToken: false, containers: [{name: nightly,"
    ' image: "service:unset"}]}}}}'
)
RBAC = "apiVersion: rbac.authorization.k8s.io/v1\nmetadata: {name: a}\n"


def role(resource: str, verb: str) -> str:
    """Give a Role over one resource."""
    return f'{RBAC}kind: Role\nrules: [{{apiGroups: [""], resources: [{resource}], verbs: ["{verb}"]}}]'


def route(service: str, port: int) -> str:
    """Give an HTTPRoute to a port of a Service."""
    return (
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: web}\nspec:\n"
        "  parentRefs: [{name: public}]\n  hostnames: [a.example.com]\n"
        f"  rules: [{{backendRefs: [{{name: {service}, port: {port}}}]}}]"
    )


def patch(operation: str, way: str, value: str, name: str = "api") -> Step:
    """Add a patch of a Deployment to a kustomization."""
    step = f"- {{op: {operation}, path: /spec/{way}, value: {value}}}"
    return more("patches", {"target": {"kind": "Deployment", "name": name}, "patch": step})


def variable(**source: Any) -> Step:
    """Add a variable to the first container."""
    return more(f"{MAIN}/env", {"name": "TZ", **source})


def cron(*fields: str) -> str:
    """Give a CronJob with these fields."""
    return (
        "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: nightly}\nspec: {"
        + ", ".join([*fields, PLAIN_JOB])
        + "}"
    )


MANIFESTS = [
    # pod security
    Planted("K8S001", "hostNetwork", edit("Deployment", "api", put(f"{POD}/hostNetwork", value=True))),
    Planted("K8S001", "hostPID", edit("Deployment", "api", put(f"{POD}/hostPID", value=True))),
    Planted("K8S001", "hostIPC", edit("Deployment", "worker", put(f"{POD}/hostIPC", value=True))),
    Planted("K8S001", "privileged", edit("Deployment", "api", put(f"{MAIN}/securityContext/privileged", value=True))),
    Planted("K8S001", "procMount", edit("Deployment", "api", put(f"{MAIN}/securityContext/procMount", "Unmasked"))),
    Planted("K8S001", "runAsUser: 0", edit("Deployment", "api", put(f"{POD}/securityContext/runAsUser", 0))),
    Planted("K8S001", "runAsUser: 0", edit("Job", "migrate", put(f"{MAIN}/securityContext/runAsUser", 0))),
    Planted("K8S001", "fsGroup: 0", edit("Deployment", "api", put(f"{POD}/securityContext/fsGroup", 0))),
    Planted(
        "K8S001",
        "SYS_ADMIN",
        edit("Deployment", "api", put(f"{MAIN}/securityContext/capabilities/add", ["SYS_ADMIN"])),
    ),
    Planted("K8S001", "capabilities.drop", edit("Deployment", "api", drop(f"{MAIN}/securityContext/capabilities"))),
    Planted(
        "K8S001",
        "Unconfined",
        edit("Deployment", "api", put(f"{POD}/securityContext/seccompProfile/type", "Unconfined")),
    ),
    Planted("K8S001", "seccompProfile", edit("Job", "migrate", drop(f"{POD}/securityContext/seccompProfile"))),
    Planted(
        "K8S001",
        "allowPrivilegeEscalation",
        edit("Deployment", "api", put(f"{MAIN}/securityContext/allowPrivilegeEscalation", value=True)),
    ),
    Planted("K8S001", "lacks", edit("Deployment", "worker", drop(f"{MAIN}/securityContext"))),
    Planted(
        "K8S001",
        "sysctl",
        edit("Deployment", "api", put(f"{POD}/securityContext/sysctls", [{"name": "kernel.msgmax", "value": "1"}])),
    ),
    Planted(
        "K8S001",
        "hostPath",
        edit("Deployment", "api", more(f"{POD}/volumes", {"name": "a", "hostPath": {"path": "/"}})),
    ),
    Planted("K8S001", "hostPort", edit("Deployment", "api", put(f"{MAIN}/ports/0/hostPort", 8080))),
    Planted(
        "K8S001",
        "hostProcess",
        edit("Deployment", "api", put(f"{POD}/securityContext/windowsOptions", {"hostProcess": True})),
    ),
    Planted(
        "K8S001",
        "container first lacks",
        edit("Deployment", "api", put(f"{POD}/initContainers", [{"name": "first", "image": "service:unset"}])),
    ),
    # sizes
    Planted("K8S002", "requests.cpu", edit("Deployment", "api", drop(f"{MAIN}/resources/requests"))),
    Planted("K8S002", "limits.memory", edit("Job", "migrate", drop(f"{MAIN}/resources/limits/memory"))),
    Planted("K8S011", "256MB", edit("Deployment", "api", put(f"{MAIN}/resources/limits/memory", "256MB"))),
    Planted("K8S011", "256m", edit("Deployment", "api", put(f"{MAIN}/resources/limits/memory", "256m"))),
    Planted("K8S011", "above its limit", edit("Deployment", "api", put(f"{MAIN}/resources/requests/memory", "2Gi"))),
    Planted("K8S011", "processors", edit("Deployment", "api", put(f"{MAIN}/resources/limits/cpu", 500))),
    # probes
    Planted("K8S003", "no livenessProbe", edit("Deployment", "api", drop(f"{MAIN}/livenessProbe"))),
    Planted("K8S003", "no readinessProbe", edit("Deployment", "worker", drop(f"{MAIN}/readinessProbe"))),
    Planted("K8S003", "the same", edit("Deployment", "api", put(f"{MAIN}/livenessProbe/httpGet/path", "/readyz"))),
    Planted(
        "K8S004", "asks port metrics", edit("Deployment", "api", put(f"{MAIN}/livenessProbe/httpGet/port", "metrics"))
    ),
    Planted("K8S004", "asks port 9999", edit("Deployment", "worker", put(f"{MAIN}/readinessProbe/httpGet/port", 9999))),
    Planted("K8S014", "/healthz", edit("Deployment", "api", put(f"{MAIN}/livenessProbe/httpGet/path", "/healthz"))),
    Planted("K8S014", "waits 30 s", edit("Deployment", "api", put(f"{MAIN}/readinessProbe/timeoutSeconds", 30))),
    Planted("K8S014", "by nothing", edit("Deployment", "api", drop(f"{MAIN}/livenessProbe/httpGet"))),
    Planted("K8S014", "gives up", edit("Deployment", "api", put(f"{MAIN}/livenessProbe/periodSeconds", 2))),
    Planted("K8S014", "successThreshold", edit("Deployment", "api", put(f"{MAIN}/livenessProbe/successThreshold", 2))),
    Planted("K8S015", "10 s to stop", edit("Deployment", "api", put(f"{POD}/terminationGracePeriodSeconds", 10))),
    Planted("K8S015", "30 s to stop", edit("Deployment", "worker", drop(f"{POD}/terminationGracePeriodSeconds"))),
    # kinds and fields
    Planted("K8S009", "policy/v1", edit("PodDisruptionBudget", "api", put("apiVersion", "policy/v1beta1"))),
    Planted(
        "K8S009", "autoscaling/v2", edit("HorizontalPodAutoscaler", "api", put("apiVersion", "autoscaling/v2beta2"))
    ),
    Planted("K8S009", "apps/v1", edit("Deployment", "api", put("apiVersion", "extensions/v1beta1"))),
    Planted(
        "K8S009",
        "external-secrets.io/v1",
        edit("ExternalSecret", "secrets", put("apiVersion", "external-secrets.io/v1beta1")),
    ),
    Planted("K8S009", "Deployment", edit("Deployment", "api", put("kind", "Deploymnt"))),
    Planted("K8S010", "did you mean replicas", edit("Deployment", "worker", put("spec/replica", 2))),
    Planted("K8S010", "livenesProbe", edit("Deployment", "api", put(f"{MAIN}/livenesProbe", {}))),
    Planted(
        "K8S010", "limit is no field", edit("Deployment", "api", put(f"{MAIN}/resources/limit", {"memory": "1Gi"}))
    ),
    Planted("K8S010", "whole number", edit("Deployment", "worker", put("spec/replicas", "2"))),
    Planted("K8S010", "must be text", edit("Deployment", "api", variable(value=True))),
    Planted("K8S010", "must be text", edit("ServiceAccount", "migrate", put("metadata/annotations/a", -2))),
    Planted("K8S010", "none of", edit("Service", "api", put("spec/ports/0/protocol", "HTTP"))),
    Planted("K8S010", "spec.maxReplicas is missing", edit("HorizontalPodAutoscaler", "api", drop("spec/maxReplicas"))),
    Planted("K8S010", "no metadata.name", edit("Service", "api", drop("metadata/name"))),
    Planted("K8S010", "refreshIntervall", edit("ExternalSecret", "secrets", put("spec/refreshIntervall", "1h"))),
    Planted("K8S010", "remoteRef.name", edit("ExternalSecret", "secrets", put("spec/data/0/remoteRef/name", "a"))),
    Planted("K8S010", "podMetricEndpoints", edit("PodMonitor", "service", put("spec/podMetricEndpoints", []))),
    Planted("K8S010", "expresion", edit("PrometheusRule", "service", put("spec/groups/0/rules/0/expresion", "up"))),
    Planted("K8S010", "autoPromote", edit("Rollout", "api", put("spec/strategy/blueGreen/autoPromote", value=True))),
    Planted(
        "K8S010", "targetRevison", edit("Application", "orders-service-dev", put("spec/source/targetRevison", "main"))
    ),
    Planted("K8S010", "sourceRepo is no field", edit("AppProject", "orders-service", put("spec/sourceRepo", []))),
    Planted("K8S010", "must be a list", edit("Service", "api", put("spec/ports", {"port": 80}))),
    Planted("K8S012", "DNS name", edit("NetworkPolicy", "allow-dns", put("metadata/name", "allow_dns"))),
    Planted("K8S012", "port name", edit("Deployment", "api", put(f"{MAIN}/ports/0/name", "http-for-the-world"))),
    Planted("K8S012", "65535", edit("Service", "api", put("spec/ports/0/port", 80800))),
    Planted("K8S012", "no label", edit("Deployment", "worker", put("metadata/labels/team", "a team"))),
    Planted(
        "K8S012", "name of a variable", edit("Deployment", "api", more(f"{MAIN}/env", {"name": "A B", "value": "1"}))
    ),
    # images
    Planted("K8S013", "another one tomorrow", edit("Deployment", "api", put(f"{MAIN}/image", "service:latest"))),
    Planted("K8S013", "another one tomorrow", edit("Deployment", "worker", put(f"{MAIN}/image", "service"))),
    Planted(
        "K8S013",
        "no deploy replaces",
        edit("Job", "migrate", put(f"{MAIN}/image", "registry.example.com/orders-service:1.2")),
    ),
    Planted("K8S013", "Never", edit("Deployment", "api", put(f"{MAIN}/imagePullPolicy", "Never"))),
    Planted("K8S013", "tomorrow", kustomization(PRODUCTION, put("images", [{"name": "service", "newTag": "latest"}]))),
    Planted("K8S013", "no container", kustomization(PRODUCTION, put("images", [{"name": "servise", "newTag": "1.2"}]))),
    Planted(
        "K8S013", "no digest", kustomization(PRODUCTION, put("images", [{"name": "service", "digest": "sha256:12"}]))
    ),
    # volumes, variables, commands, accounts
    Planted(
        "K8S016",
        "no volume",
        edit("Deployment", "api", put(f"{MAIN}/volumeMounts", [{"name": "a", "mountPath": "/a"}])),
    ),
    Planted(
        "K8S016",
        "no container mounts",
        edit("Deployment", "api", more(f"{POD}/volumes", {"name": "cache", "emptyDir": {"sizeLimit": "1Mi"}})),
    ),
    Planted(
        "K8S016", "sizeLimit", edit("Deployment", "api", more(f"{POD}/volumes", {"name": "cache", "emptyDir": {}}))
    ),
    Planted("K8S017", "variable TZ 2 times", edit("Deployment", "api", *[variable(value="UTC")] * 2)),
    Planted(
        "K8S017",
        "port 9090/TCP 2 times",
        edit("Deployment", "worker", more(f"{MAIN}/ports", {"name": "more", "containerPort": 9090})),
    ),
    Planted("K8S017", "port http 2 times", edit("Service", "api", more("spec/ports", {"name": "http", "port": 81}))),
    Planted(
        "K8S018",
        "KAFKA_SASL_PASSWORD",
        edit("Deployment", "api", more(f"{MAIN}/env", {"name": "KAFKA_SASL_PASSWORD", "value": "a"})),
    ),
    Planted("K8S018", "written out", edit("Deployment", "api", variable(value="mongodb://a:b@c/d"))),
    Planted("K8S018", "0 sources", edit("Deployment", "api", variable(valueFrom={}))),
    Planted(
        "K8S018",
        "no pod offers",
        edit("Deployment", "api", variable(valueFrom={"fieldRef": {"fieldPath": "spec.node"}})),
    ),
    Planted(
        "K8S018", "is a secret", kustomization(PRODUCTION, more("configMapGenerator/0/literals", "DATABASE_URL=a"))
    ),
    Planted(
        "K8S018", "git holds", kustomization(PRODUCTION, put("secretGenerator", [{"name": "a", "literals": ["A=1"]}]))
    ),
    Planted(
        "K8S019",
        "GOMEMLIMIT",
        edit("Deployment", "worker", more(f"{MAIN}/env", {"name": "GOMEMLIMIT", "value": "4GiB"})),
    ),
    Planted("K8S020", "no shell", edit("Deployment", "worker", put(f"{MAIN}/command", ["sh", "-c", "/app/worker"]))),
    Planted("K8S020", "/app/wroker", edit("Deployment", "worker", put(f"{MAIN}/command", ["/app/wroker"]))),
    Planted(
        "K8S020",
        "preStop",
        edit("Deployment", "api", put(f"{MAIN}/lifecycle/preStop/exec/command", ["/bin/sleep", "5"])),
    ),
    Planted("K8S021", "default", edit("Deployment", "api", drop(f"{POD}/serviceAccountName"))),
    Planted(
        "K8S021",
        "automountServiceAccountToken",
        edit("Job", "migrate", put(f"{POD}/automountServiceAccountToken", value=True)),
    ),
    Planted("K8S021", "ServiceAccount/worker", edit("ServiceAccount", "worker", drop("automountServiceAccountToken"))),
    # what objects say of each other
    Planted("K8S004", "targetPort web", edit("Service", "api", put("spec/ports/0/targetPort", "web"))),
    Planted("K8S004", "port web", edit("NetworkPolicy", "allow-requests", put("spec/ingress/0/ports/0/port", "web"))),
    Planted("K8S004", "port metrics", edit("PodMonitor", "service", put("spec/podMetricsEndpoints/0/port", "metrics"))),
    Planted("K8S005", "its own pods", edit("Deployment", "api", put("spec/selector", {"matchLabels": {"app": "api"}}))),
    Planted(
        "K8S005", "no pod carries", edit("Service", "api", put("spec/selector", {"app.kubernetes.io/component": "web"}))
    ),
    Planted(
        "K8S005",
        "no pod carries",
        edit("PodDisruptionBudget", "api", put("spec/selector", {"matchLabels": {"app": "a"}})),
    ),
    Planted(
        "K8S005",
        "no pod carries",
        edit("NetworkPolicy", "allow-requests", put("spec/podSelector", {"matchLabels": {"app": "a"}})),
    ),
    Planted(
        "K8S005", "no pod carries", edit("PodMonitor", "service", put("spec/selector", {"matchLabels": {"app": "a"}}))
    ),
    Planted(
        "K8S005",
        "Deployment/api and Deployment/worker",
        edit("Service", "api", put("spec/selector", {"app.kubernetes.io/name": "orders-service"})),
    ),
    Planted(
        "K8S005",
        "spreads over",
        edit(
            "Deployment", "api", put(f"{POD}/topologySpreadConstraints/0/labelSelector", {"matchLabels": {"app": "a"}})
        ),
    ),
    Planted(
        "K8S005", "Rollout/api selects", edit("Rollout", "api", put("spec/selector", {"matchLabels": {"app": "a"}}))
    ),
    Planted(
        "K8S006", "ServiceAccount nobody", edit("Deployment", "worker", put(f"{POD}/serviceAccountName", "nobody"))
    ),
    Planted(
        "K8S006",
        "ConfigMap settings",
        edit("Deployment", "api", put(f"{MAIN}/envFrom/0/configMapRef/name", "settings")),
    ),
    Planted(
        "K8S006",
        "Secret database",
        edit(
            "Deployment",
            "worker",
            put(f"{MAIN}/env", [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "database", "key": "a"}}}]),
        ),
    ),
    Planted(
        "K8S006",
        "Secret certs",
        edit("Deployment", "api", more(f"{POD}/volumes", {"name": "a", "secret": {"secretName": "certs"}})),
    ),
    Planted(
        "K8S006",
        "PersistentVolumeClaim data",
        edit(
            "Deployment", "api", more(f"{POD}/volumes", {"name": "a", "persistentVolumeClaim": {"claimName": "data"}})
        ),
    ),
    Planted("K8S006", "Deployment web", edit("HorizontalPodAutoscaler", "api", put("spec/scaleTargetRef/name", "web"))),
    Planted(
        "K8S006", "Service preview2", edit("Rollout", "api", put("spec/strategy/blueGreen/previewService", "preview2"))
    ),
    Planted(
        "K8S006",
        "AnalysisTemplate succes-rate",
        edit(
            "Rollout",
            "api",
            put("spec/strategy/blueGreen/postPromotionAnalysis/templates/0/templateName", "succes-rate"),
        ),
    ),
    Planted("K8S006", "ServiceAccount api", gone("ServiceAccount", "api")),
    Planted("K8S006", "Secret secrets", gone("ExternalSecret", "secrets")),
    Planted("K8S006", "Service web", another(API, route("web", 80))),
    Planted("K8S004", "has no port 81", another(API, route("api", 81))),
    Planted(
        "K8S022",
        "DATABASE_URI",
        edit(
            "Job",
            "migrate",
            put(
                f"{MAIN}/env",
                [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "secrets", "key": "DATABASE_URI"}}}],
            ),
        ),
    ),
    Planted("K8S022", "DATABASE_URL", edit("ExternalSecret", "secrets", put("spec/data/0/secretKey", "DATABASE"))),
    Planted(
        "K8S022",
        "LOG_LEVL",
        edit("Deployment", "api", variable(valueFrom={"configMapKeyRef": {"name": "config", "key": "LOG_LEVL"}})),
    ),
    Planted("K8S023", "no analysis", edit("Rollout", "api", drop("spec/strategy/blueGreen/postPromotionAnalysis"))),
    Planted(
        "K8S023", "asks for service", edit("AnalysisTemplate", "success-rate", more("spec/args", {"name": "service"}))
    ),
    # how many, and how they are replaced
    Planted("K8S024", "above maxReplicas", edit("HorizontalPodAutoscaler", "api", put("spec/minReplicas", 9))),
    Planted("K8S024", "fixes replicas", edit("Deployment", "api", put("spec/replicas", 2))),
    Planted("K8S024", "no metric", edit("HorizontalPodAutoscaler", "api", put("spec/metrics", []))),
    Planted(
        "K8S024",
        "requests no hugepages",
        edit("HorizontalPodAutoscaler", "api", put("spec/metrics/0/resource/name", "hugepages")),
    ),
    Planted("K8S025", "no eviction", edit("PodDisruptionBudget", "api", put("spec/maxUnavailable", 0))),
    Planted(
        "K8S025",
        "no eviction",
        edit("PodDisruptionBudget", "api", drop("spec/maxUnavailable"), put("spec/minAvailable", "100%")),
    ),
    Planted(
        "K8S025",
        "no eviction",
        edit("PodDisruptionBudget", "api", drop("spec/maxUnavailable"), put("spec/minAvailable", 3)),
    ),
    Planted("K8S025", "not one of", edit("PodDisruptionBudget", "api", put("spec/minAvailable", 1))),
    Planted("K8S025", "no PodDisruptionBudget", gone("PodDisruptionBudget", "api")),
    Planted("K8S025", "nothing spreads", edit("Deployment", "api", drop(f"{POD}/topologySpreadConstraints"))),
    Planted(
        "K8S025",
        "single pod",
        kustomization(PRODUCTION, put("patches/0/patch", "- {op: replace, path: /spec/minReplicas, value: 1}")),
    ),
    Planted("K8S026", "keeps nothing", edit("Deployment", "api", put("spec/revisionHistoryLimit", 0))),
    Planted("K8S026", "Recreate", edit("Deployment", "api", put("spec/strategy", {"type": "Recreate"}))),
    Planted(
        "K8S026",
        "replace no pod",
        edit("Deployment", "worker", put("spec/strategy/rollingUpdate", {"maxSurge": 0, "maxUnavailable": 0})),
    ),
    Planted("K8S026", "replicas 0", edit("Deployment", "worker", put("spec/replicas", 0))),
    Planted("K8S027", "restartPolicy", edit("Job", "migrate", drop(f"{POD}/restartPolicy"))),
    Planted("K8S027", "backoffLimit", edit("Job", "migrate", drop("spec/backoffLimit"))),
    Planted("K8S027", "activeDeadlineSeconds", edit("Job", "migrate", drop("spec/activeDeadlineSeconds"))),
    Planted("K8S027", "not from 0 to 23", another(API, cron('schedule: "0 25 * * *"', "concurrencyPolicy: Forbid"))),
    Planted("K8S027", "4 fields", another(API, cron('schedule: "0 5 * *"', "concurrencyPolicy: Forbid"))),
    Planted("K8S027", "on top of a slow one", another(API, cron('schedule: "0 5 * * *"'))),
    Planted("K8S027", "no field", another(API, cron('schedule: "0 5 * * mo-fr"', "concurrencyPolicy: Forbid"))),
    # ways in and out
    Planted("K8S028", "denies Ingress", gone("NetworkPolicy", "default-deny")),
    Planted("K8S028", "denies Egress", edit("NetworkPolicy", "default-deny", put("spec/policyTypes", ["Ingress"]))),
    Planted("K8S028", "ask for names", gone("NetworkPolicy", "allow-dns")),
    Planted(
        "K8S028",
        "ask for names",
        edit("NetworkPolicy", "allow-dns", put("spec/egress/0/ports", [{"protocol": "TCP", "port": 53}])),
    ),
    Planted("K8S028", "reach port http", gone("NetworkPolicy", "allow-requests")),
    Planted("K8S029", "without from", edit("NetworkPolicy", "allow-requests", drop("spec/ingress/0/from"))),
    Planted("K8S029", "allows everybody", edit("NetworkPolicy", "default-deny", put("spec/egress", [{}]))),
    Planted(
        "K8S029",
        "every namespace",
        edit("NetworkPolicy", "allow-requests", put("spec/ingress/0/from", [{"namespaceSelector": {}}])),
    ),
    Planted(
        "K8S029",
        "whole internet",
        edit("NetworkPolicy", "allow-requests", put("spec/ingress/0/from", [{"ipBlock": {"cidr": "0.0.0.0/0"}}])),
    ),
    Planted(
        "K8S029", "169.254.169.254", edit("NetworkPolicy", "allow-issuer", drop("spec/egress/0/to/0/ipBlock/except"))
    ),
    Planted("K8S029", "every port", edit("NetworkPolicy", "allow-issuer", drop("spec/egress/0/ports"))),
    Planted("K8S029", "do nothing", edit("NetworkPolicy", "allow-issuer", put("spec/policyTypes", ["Ingress"]))),
    Planted("K8S030", "LoadBalancer", edit("Service", "api", put("spec/type", "LoadBalancer"))),
    Planted("K8S030", "NodePort", edit("Service", "api", put("spec/type", "NodePort"))),
    Planted(
        "K8S030",
        "admin port",
        edit("Service", "api", more("spec/ports", {"name": "admin", "port": 9090, "targetPort": "admin"})),
    ),
    Planted(
        "K8S031",
        "is baseline",
        edit(
            "Namespace",
            "orders-service-production",
            put("metadata/labels/pod-security.kubernetes.io~1enforce", "baseline"),
        ),
    ),
    Planted(
        "K8S031",
        "orders-service-dev, not orders-service-production",
        kustomization(PRODUCTION, put("namespace", "orders-service-dev")),
    ),
    Planted("K8S031", "nothing makes the Namespace", kustomization(PRODUCTION, put("resources", ["../../base"]))),
    Planted("K8S031", "is for the overlay", edit("Deployment", "api", put("metadata/namespace", "default"))),
    Planted(
        "K8S032",
        "whole cluster",
        another(API, f"{RBAC}kind: ClusterRoleBinding\nroleRef: {{kind: ClusterRole, name: cluster-admin}}"),
    ),
    Planted("K8S032", "verbs: *", another(API, role("pods", "*"))),
    Planted("K8S032", "every Secret", another(API, role("secrets", "get"))),
    # Argo CD
    Planted(
        "ARG001",
        "holds no kustomization",
        edit("Application", "orders-service-dev", put("spec/source/path", "k8s/overlays/devel")),
    ),
    Planted(
        "ARG001",
        "made for",
        edit("Application", "orders-service-dev", put("spec/source/path", "k8s/overlays/production")),
    ),
    Planted(
        "ARG001", "HEAD", edit("Application", "orders-service-production", put("spec/source/targetRevision", "HEAD"))
    ),
    Planted("ARG001", "project default", edit("Application", "orders-service-dev", put("spec/project", "default"))),
    Planted("ARG001", "not in this folder", edit("Application", "orders-service-dev", put("spec/project", "orders"))),
    Planted(
        "ARG001",
        "does not allow",
        edit("Application", "orders-service-dev", put("spec/destination/server", "https://example.com")),
    ),
    Planted(
        "ARG001",
        "does not allow",
        edit("Application", "orders-service-dev", put("spec/source/repoURL", "https://example.com/a")),
    ),
    Planted(
        "ARG001",
        "prune",
        edit("Application", "orders-service-dev", put("spec/syncPolicy/automated", {"selfHeal": True})),
    ),
    Planted("ARG001", "no Application deploys k8s/overlays/staging", gone("Application", "orders-service-staging")),
    Planted("ARG002", "every repository", edit("AppProject", "orders-service", put("spec/sourceRepos", ["*"]))),
    Planted("ARG002", "namespace: *", edit("AppProject", "orders-service", put("spec/destinations/0/namespace", "*"))),
    Planted(
        "ARG002",
        "*/*",
        edit("AppProject", "orders-service", put("spec/namespaceResourceWhitelist", [{"group": "*", "kind": "*"}])),
    ),
    Planted(
        "ARG002",
        "does not allow ConfigMap",
        edit("AppProject", "orders-service", drop("spec/namespaceResourceWhitelist/0")),
    ),
    Planted(
        "ARG002",
        "ClusterRole",
        edit(
            "AppProject",
            "orders-service",
            more("spec/clusterResourceWhitelist", {"group": "rbac.authorization.k8s.io", "kind": "ClusterRole"}),
        ),
    ),
    Planted(
        "ARG003", "PreeSync", edit("Job", "migrate", put("metadata/annotations/argocd.argoproj.io~1hook", "PreeSync"))
    ),
    Planted(
        "ARG003",
        "first is not known",
        edit("ServiceAccount", "migrate", put("metadata/annotations/argocd.argoproj.io~1sync-wave", "first")),
    ),
    # kustomizations
    Planted("KUS001", "does not exist", kustomization(PRODUCTION, more("resources", "quota2.yaml"))),
    Planted("KUS001", "from outside", kustomization(PRODUCTION, more("resources", "https://example.com/a.yaml"))),
    Planted("KUS003", "finds no object", kustomization(PRODUCTION, patch("add", "paused", "true", "web"))),
    Planted("KUS003", "no such field", kustomization(PRODUCTION, patch("replace", "replica", "2"))),
    Planted("KUS003", "there is no", kustomization(PRODUCTION, patch("add", "template/spec/containers/1/env", "[]"))),
    Planted(
        "KUS003",
        "finds no object",
        kustomization(
            PRODUCTION,
            more(
                "patches",
                {"patch": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 1}\n"},
            ),
        ),
    ),
    Planted("KUS003", "which nothing creates", kustomization(PRODUCTION, put("configMapGenerator/0/name", "confg"))),
    Planted("KUS003", "a second time", kustomization(PRODUCTION, drop("configMapGenerator/0/behavior"))),
    Planted("KUS003", "comes twice", kustomization(PRODUCTION, more("resources", "../../base/network.yaml"))),
    Planted("KUS004", "resource is no field", kustomization(PRODUCTION, put("resource", []))),
    Planted("KUS004", "commonLabels is old", kustomization(PRODUCTION, put("commonLabels", {"a": "b"}))),
    Planted("KUS004", "is a Component", kustomization(PRODUCTION, more("resources", "../../components/rolling"))),
    Planted("KUS004", "listed 2 times", kustomization(PRODUCTION, more("components", "../../components/rolling"))),
    Planted(
        "KUS005",
        "speaks of orders-service-dev",
        kustomization(PRODUCTION, put("labels/0/pairs/app.kubernetes.io~1instance", "orders-service-dev")),
    ),
    Planted(
        "KUS005",
        "ENVIRONMENT is dev",
        kustomization(PRODUCTION, more("configMapGenerator/0/literals", "ENVIRONMENT=dev")),
    ),
    Planted(
        "KUS005",
        "LOG_LEVEL is debug",
        kustomization(PRODUCTION, more("configMapGenerator/0/literals", "LOG_LEVEL=debug")),
    ),
    Planted("KUS006", "does not name k8s/base", kustomization(PRODUCTION, put("resources", ["namespace.yaml"]))),
    Planted(
        "KUS006",
        "disableNameSuffixHash",
        kustomization("k8s/base", put("generatorOptions", {"disableNameSuffixHash": True})),
    ),
    # what patches bring into an overlay
    Planted(
        "K8S001",
        "privileged",
        kustomization(PRODUCTION, patch("add", "template/spec/containers/0/securityContext/privileged", "true")),
    ),
    Planted(
        "K8S010",
        "limitss",
        kustomization(PRODUCTION, patch("add", "template/spec/containers/0/resources/limitss", "{}")),
    ),
    Planted(
        "K8S011",
        "above its limit",
        kustomization(PRODUCTION, patch("replace", "template/spec/containers/0/resources/limits/memory", "32Mi")),
    ),
]
