"""More defective manifests, subtle ones: valid for the API server, and wrong for who deploys by them."""

from __future__ import annotations

from tests.contract.manifests import MAIN, POD, PRODUCTION, patch, variable
from tests.contract.planting import Planted, Step, drop, edit, kustomization, more, put

STAGING = "k8s/overlays/staging"
RUNTIME = "k8s/components/runtime"
CANARY = {
    "maxUnavailable": 0,
    "maxSurge": 1,
    "steps": [
        {"setWeight": 10},
        {"analysis": {"templates": [{"templateName": "success-rate"}]}},
        {"setWeight": 50},
        {"pause": {"duration": "5m"}},
    ],
}
BLUE = "spec/strategy/blueGreen"
AFTER = f"{BLUE}/postPromotionAnalysis"
SUCCESS = "spec/metrics/0"
EVERY = "spec/syncPolicy"


def setting(text: str) -> Step:
    """Add a setting to the ConfigMap of a kustomization."""
    return more("configMapGenerator/0/literals", text)


def application(name: str, *steps: Step) -> Planted:
    """Change an Application in a way that ARG001 must name by this word."""
    return Planted("ARG001", name, edit("Application", "orders-service-production", *steps))


def project(word: str, *steps: Step) -> Planted:
    """Change the project in a way that ARG004 must name by this word."""
    return Planted("ARG004", word, edit("AppProject", "orders-service", *steps))


CLUSTERS = [
    # pods
    Planted("K8S003", "no startupProbe", edit("Deployment", "worker", drop(f"{MAIN}/startupProbe"))),
    Planted("K8S014", "of port http", edit("Deployment", "api", put(f"{MAIN}/readinessProbe/httpGet/port", "http"))),
    Planted("K8S014", "a cold node", edit("Deployment", "api", put(f"{MAIN}/startupProbe/failureThreshold", 3))),
    Planted(
        "K8S014",
        "one answer that was late",
        edit("Deployment", "api", put(f"{MAIN}/livenessProbe/failureThreshold", 1)),
    ),
    Planted(
        "K8S016",
        "without fsGroup",
        edit("CronJob", "pipeline", drop("spec/jobTemplate/spec/template/spec/securityContext/fsGroup")),
    ),
    Planted(
        "K8S016",
        "/output, which is in no volume",
        edit("CronJob", "pipeline", put("spec/jobTemplate/spec/template/spec/containers/0/env/1/value", "/output")),
    ),
    Planted(
        "K8S019",
        "is not told GOMEMLIMIT",
        kustomization(RUNTIME, put("patches/0/target/kind", "Deployment")),
    ),
    Planted(
        "K8S019",
        "times limits.memory",
        edit(
            "Deployment",
            "api",
            variable(valueFrom={"resourceFieldRef": {"resource": "limits.memory"}}),
            more(f"{MAIN}/env", {"name": "GOMEMLIMIT", "value": "$(TZ)000000"}),
        ),
    ),
    Planted("K8S020", "migrate down", edit("Job", "migrate", put(f"{MAIN}/args", ["down"]))),
    Planted("K8S021", "of Job/migrate", edit("Deployment", "worker", put(f"{POD}/serviceAccountName", "migrate"))),
    Planted(
        "K8S012",
        "in quotes is a name",
        edit("NetworkPolicy", "allow-telemetry", put("spec/egress/0/ports/0/port", "4318")),
    ),
    # what is seen, and reached
    Planted(
        "K8S004",
        "asks /prometheus",
        edit("PodMonitor", "service", put("spec/podMetricsEndpoints/0/path", "/prometheus")),
    ),
    Planted("K8S004", "every 5m", edit("PodMonitor", "service", put("spec/podMetricsEndpoints/0/interval", "5m"))),
    Planted(
        "K8S004",
        "lets anybody reach port admin of Deployment/worker",
        edit("NetworkPolicy", "allow-scrapes", put("spec/podSelector/matchExpressions/0/values", ["api"])),
    ),
    Planted(
        "K8S004",
        "no PodMonitor selects Deployment/worker",
        edit("PodMonitor", "service", put("spec/selector/matchExpressions/0/values", ["api"])),
    ),
    Planted("K8S004", "which names their job", kustomization(PRODUCTION, drop("labels/0/includeTemplates"))),
    Planted(
        "K8S004",
        "of the container app",
        edit("Deployment", "api", put("spec/template/metadata/annotations/ad.datadoghq.com~1app.checks", "{}")),
    ),
    Planted(
        "K8S004",
        "asks port 8080",
        edit(
            "Deployment",
            "api",
            put("spec/template/metadata/annotations/ad.datadoghq.com~1api.checks", "http://%%host%%:8080/metrics"),
        ),
    ),
    Planted(
        "K8S028",
        "Deployment/worker is told DATABASE_URL",
        edit("NetworkPolicy", "allow-mongodb", put("spec/podSelector/matchExpressions/0/values", ["api", "migrate"])),
    ),
    Planted(
        "K8S028",
        "reach port 27017",
        edit("NetworkPolicy", "allow-mongodb", put("spec/egress/0/ports/0/port", 27018)),
    ),
    Planted("K8S028", "reach port 9093", edit("NetworkPolicy", "allow-kafka", drop("spec/egress/0/ports/1"))),
    Planted(
        "K8S029",
        "is its namespace meant",
        edit(
            "NetworkPolicy",
            "allow-dns",
            drop("spec/egress/0/to/0/podSelector"),
            more("spec/egress/0/to", {"podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}),
        ),
    ),
    Planted(
        "K8S029",
        "knows a namespace by name",
        edit(
            "NetworkPolicy",
            "allow-requests",
            put("spec/ingress/0/from/0/namespaceSelector/matchLabels", {"name": "ingress"}),
        ),
    ),
    Planted("K8S030", "without TLS", edit("HTTPRoute", "api", put("spec/parentRefs/0/sectionName", "http"))),
    Planted("K8S030", "is longer than", edit("HTTPRoute", "api", put("spec/rules/0/timeouts/backendRequest", "30s"))),
    Planted(
        "K8S030", "publishes /metrics", edit("HTTPRoute", "api", put("spec/rules/0/matches/0/path/value", "/metrics"))
    ),
    # releases
    Planted(
        "K8S023",
        "do not rise",
        edit(
            "Rollout", "api", drop(BLUE), put("spec/strategy/canary", {"steps": [{"setWeight": 10}, {"setWeight": 5}]})
        ),
    ),
    Planted(
        "K8S024",
        "whose pods Rollout/api has taken",
        kustomization(
            "k8s/components/blue-green",
            put("patches/0/patch", "- {op: replace, path: /spec/scaleTargetRef/name, value: api}"),
        ),
    ),
    Planted(
        "K8S024",
        "less than one record",
        edit(
            "HorizontalPodAutoscaler",
            "worker",
            more(
                "spec/metrics",
                {
                    "type": "External",
                    "external": {
                        "metric": {"name": "events_lag"},
                        "target": {"type": "AverageValue", "averageValue": "500m"},
                    },
                },
            ),
        ),
    ),
    Planted(
        "K8S025",
        "which no node carries",
        edit(
            "Deployment",
            "api",
            put(f"{POD}/topologySpreadConstraints/0/topologyKey", "failure-domain.beta.kubernetes.io/zone"),
        ),
    ),
    Planted("K8S026", "startupProbe still waits", edit("Deployment", "api", put("spec/progressDeadlineSeconds", 30))),
    Planted("K8S026", "progressDeadlineAbort", edit("Rollout", "api", drop("spec/progressDeadlineAbort"))),
    Planted(
        "K8S026",
        "may lose 1 of its pods",
        edit("Rollout", "api", drop(BLUE), put("spec/strategy/canary", {**CANARY, "maxUnavailable": 1})),
    ),
    Planted("K8S026", "may lose 25% of its pods", kustomization("k8s/overlays/dev", drop("components/5"))),
    Planted(
        "K8S027",
        "refused with OnFailure",
        edit("Job", "migrate", put(f"{POD}/restartPolicy", "OnFailure")),
    ),
    Planted("K8S027", "timeZone UTC+1", edit("CronJob", "pipeline", put("spec/timeZone", "UTC+1"))),
    Planted(
        "K8S033", "Stable", edit("Rollout", "api", put(f"{AFTER}/args/1/valueFrom/podTemplateHashValue", "Stable"))
    ),
    Planted("K8S033", "may fail 5 times", edit("AnalysisTemplate", "success-rate", put(f"{SUCCESS}/failureLimit", 5))),
    Planted(
        "K8S033",
        "is above 0.01",
        edit("AnalysisTemplate", "success-rate", put(f"{SUCCESS}/successCondition", "result[0] >= 0.01")),
    ),
    Planted(
        "K8S033",
        "takes 0.1 of failed requests",
        edit("AnalysisTemplate", "success-rate", put(f"{SUCCESS}/successCondition", "result[0] <= 0.1")),
    ),
    Planted("K8S033", "no successCondition", edit("AnalysisTemplate", "latency", drop(f"{SUCCESS}/successCondition"))),
    Planted(
        "K8S033",
        "the label status,",
        edit(
            "AnalysisTemplate",
            "latency",
            put(
                f"{SUCCESS}/provider/prometheus/query",
                'a_count{status="5xx"} or http_server_request_duration_seconds_count{status="5xx"}',
            ),
        ),
    ),
    Planted(
        "K8S033",
        "the bucket 0.3",
        edit(
            "AnalysisTemplate",
            "latency",
            put(f"{SUCCESS}/provider/prometheus/query", 'http_server_request_duration_seconds_bucket{le="0.3"}'),
        ),
    ),
    Planted(
        "K8S033",
        "after setWeight 50",
        edit("Rollout", "api", drop(BLUE), put("spec/strategy/canary", CANARY)),
    ),
    Planted("K8S033", "are one Service", edit("Rollout", "api", put(f"{BLUE}/previewService", "api"))),
    Planted("K8S033", "go after 30 s", edit("Rollout", "api", put(f"{BLUE}/scaleDownDelaySeconds", 30))),
    Planted("K8S033", "knows the new pods", edit("PodMonitor", "service", drop("spec/podTargetLabels"))),
    # settings, secrets, room
    Planted("K8S034", "not a duration", kustomization(PRODUCTION, setting("SHUTDOWN_TIMEOUT=25"))),
    Planted("K8S034", "not a whole number", kustomization("k8s/base", setting("HTTP_MAX_BODY_BYTES=1Mi"))),
    Planted("K8S034", "not true or false", kustomization("k8s/base", setting("ALLOW_MEMORY_STORE=no"))),
    Planted("K8S034", "say https", kustomization(PRODUCTION, setting("AUTH_ISSUER=http://id.example.com"))),
    Planted("K8S034", "who it is", kustomization(PRODUCTION, setting("HTTP_TRUSTED_PROXIES=10.0.0.0/8,0.0.0.0/0"))),
    Planted("K8S034", "is no network", kustomization(PRODUCTION, setting("HTTP_TRUSTED_PROXIES=gateway"))),
    Planted("K8S035", "refreshInterval 0", edit("ExternalSecret", "secrets", put("spec/refreshInterval", "0"))),
    Planted(
        "K8S035",
        "this namespace has SecretStore",
        kustomization(PRODUCTION, more("components", "../../components/broker-password")),
    ),
    Planted(
        "K8S035",
        "which Deployment/api runs as",
        edit("SecretStore", "secrets-manager", put("spec/provider/aws/auth/jwt/serviceAccountRef/name", "api")),
    ),
    Planted(
        "K8S035",
        "needs: optional",
        edit("Deployment", "worker", put(f"{MAIN}/env/0/valueFrom/secretKeyRef/optional", value=True)),
    ),
    Planted(
        "K8S036",
        "requests.memory 8Mi",
        edit("ResourceQuota", "namespace", put("spec/hard/requests.memory", "8Mi")),
    ),
    Planted("K8S036", "pods 2", edit("ResourceQuota", "namespace", put("spec/hard/pods", "2"))),
    Planted(
        "K8S036",
        "limits.memory",
        kustomization(PRODUCTION, patch("replace", "template/spec/containers/0/resources/limits/memory", "8Gi")),
    ),
    # environments
    Planted("KUS007", "spec.provider.aws.region is not filled in", kustomization(PRODUCTION, drop("patches/5"))),
    Planted(
        "KUS007",
        "as dev does",
        kustomization(
            PRODUCTION,
            put(
                "patches/3/patch",
                "- {op: replace, path: /spec/hostnames, value: [orders-service.dev.example.com]}",
            ),
        ),
    ),
    Planted("KUS007", "watches the namespace", kustomization(STAGING, drop("patches/0"))),
    Planted(
        "KUS007",
        "tags.datadoghq.com/env: dev",
        kustomization(PRODUCTION, put("labels/0/pairs/tags.datadoghq.com~1env", "dev")),
    ),
    Planted(
        "KUS007",
        "requests.cpu of Deployment/api",
        kustomization(PRODUCTION, patch("replace", "template/spec/containers/0/resources/requests/cpu", "10m")),
    ),
    Planted(
        "KUS007", "lacks the component ../../components/monitoring", kustomization(PRODUCTION, drop("components/4"))
    ),
    Planted(
        "KUS007", "drops what the base says", kustomization(PRODUCTION, put("configMapGenerator/0/behavior", "replace"))
    ),
    # Argo CD
    application("nobody approves", put(f"{EVERY}/automated", {"prune": True, "selfHeal": True})),
    application("follows develop", put("spec/source/targetRevision", "develop")),
    application("is in default", put("metadata/namespace", "default")),
    application("takes production with it", put("metadata/finalizers", ["resources-finalizer.argocd.argoproj.io"])),
    application("FailOnSharedResource=true, as the others", drop(f"{EVERY}/syncOptions/3")),
    application("for ever", put(f"{EVERY}/retry/limit", -1)),
    application("revisionHistoryLimit 0", put("spec/revisionHistoryLimit", 0)),
    application(
        "ignoreDifferences skips /spec",
        put("spec/ignoreDifferences", [{"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec"]}]),
    ),
    Planted("ARG003", "is no hook", edit("Job", "migrate", drop("metadata/annotations/argocd.argoproj.io~1hook"))),
    Planted(
        "ARG003",
        "after the pods",
        edit("Job", "migrate", put("metadata/annotations/argocd.argoproj.io~1hook", "PostSync")),
    ),
    Planted(
        "ARG003",
        "with HookSucceeded alone",
        edit("Job", "migrate", put("metadata/annotations/argocd.argoproj.io~1hook-delete-policy", "HookSucceeded")),
    ),
    Planted(
        "ARG003",
        "ExternalSecret/secrets, which it needs",
        kustomization("k8s/components/sync-order", drop("patches/2")),
    ),
    Planted(
        "ARG003",
        "the ConfigMap config that it reads",
        kustomization("k8s/components/datastore", drop("configMapGenerator/0/options")),
    ),
    Planted("ARG004", "say Prune=false", edit("PersistentVolumeClaim", "pipeline", drop("metadata/annotations"))),
    project(
        "gives nothing", put("spec/roles/0/policies/0", "p, proj:orders-service:a, logs, get, orders-service/*, allow")
    ),
    project(
        "not the only way",
        put("spec/roles/0/policies/0", "p, proj:orders-service:team, applications, *, orders-service/*, allow"),
    ),
    project("outside of", put("spec/roles/0/policies/0", "p, proj:orders-service:team, applications, get, */*, allow")),
    project("is not p, ROLE", put("spec/roles/0/policies/0", "g, platform, role:admin")),
    project("no Application has that name", put("spec/syncWindows/0/applications", ["orders"])),
    project("which has 4 fields", put("spec/syncWindows/0/schedule", "0 12 * 5")),
    project("no duration", put("spec/syncWindows/0/duration", "66")),
    project("is of kind allow", put("spec/syncWindows/0/kind", "allow")),
    project("keeps even a person", put("spec/syncWindows/0/manualSync", value=False)),
    project("does not cover Saturday", put("spec/syncWindows/0/duration", "6h")),
    project("allows Secret", more("spec/namespaceResourceWhitelist", {"group": "", "kind": "Secret"})),
    project("of any name", drop("spec/clusterResourceWhitelist/0/name")),
]
