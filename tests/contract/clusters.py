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
    Planted(
        "K8S011",
        "storage 10 is 10 bytes",
        edit("PersistentVolumeClaim", "pipeline", put("spec/resources/requests/storage", "10")),
    ),
    Planted(
        "K8S013",
        "says no digest",
        kustomization(PRODUCTION, put("images", [{"name": "service", "newName": "registry.example.com/a"}])),
    ),
    Planted("K8S014", "speaks HTTPS", edit("Deployment", "api", put(f"{MAIN}/readinessProbe/httpGet/scheme", "HTTPS"))),
    Planted("K8S014", "sees after 1800 s", edit("Deployment", "api", put(f"{MAIN}/livenessProbe/periodSeconds", 600))),
    Planted("K8S015", "while traffic still comes", kustomization("k8s/base", setting("DRAIN_DELAY=0s"))),
    Planted(
        "K8S016",
        "hides the programs",
        edit(
            "CronJob", "pipeline", put("spec/jobTemplate/spec/template/spec/containers/0/volumeMounts/0/mountPath", "/")
        ),
    ),
    Planted(
        "K8S017",
        "topologyKey topology.kubernetes.io/zone 2 times",
        edit("Deployment", "api", put(f"{POD}/topologySpreadConstraints/1/topologyKey", "topology.kubernetes.io/zone")),
    ),
    Planted(
        "K8S019",
        "stays as it is",
        edit("Deployment", "api", variable(value="$(LATER)"), more(f"{MAIN}/env", {"name": "LATER", "value": "a"})),
    ),
    Planted("K8S020", "another process", edit("Deployment", "worker", put(f"{MAIN}/command", ["/app/pipeline"]))),
    Planted("K8S020", "says no command", edit("Deployment", "worker", drop(f"{MAIN}/command"))),
    Planted(
        "K8S022",
        "KAFKA_SASL_PASSWORD, which",
        edit("ExternalSecret", "kafka", put("spec/data/0/secretKey", "PASSWORD")),
    ),
    Planted("K8S037", "runs on node-1 alone", edit("Deployment", "api", put(f"{POD}/nodeName", "node-1"))),
    Planted(
        "K8S037",
        "nodeSelector",
        edit("Deployment", "api", put(f"{POD}/nodeSelector", {"kubernetes.io/hostname": "node-1"})),
    ),
    Planted(
        "K8S037",
        "before the cluster's own",
        edit("Job", "migrate", put(f"{POD}/priorityClassName", "system-node-critical")),
    ),
    Planted("K8S037", "dnsPolicy Default", edit("Deployment", "api", put(f"{POD}/dnsPolicy", "Default"))),
    Planted("K8S037", "every taint", edit("Deployment", "api", put(f"{POD}/tolerations", [{"operator": "Exists"}]))),
    # what is seen, and reached
    Planted(
        "K8S028",
        "asks the token issuer for its keys",
        edit("NetworkPolicy", "allow-issuer", put("spec/egress/0/ports/0/port", 80)),
    ),
    Planted(
        "K8S028",
        "reach port http",
        edit("NetworkPolicy", "allow-requests", put("spec/ingress/0/ports/0/protocol", "UDP")),
    ),
    Planted(
        "K8S029",
        "every pod of every namespace",
        edit(
            "NetworkPolicy",
            "allow-requests",
            put("spec/ingress/0/from", [{"namespaceSelector": {}, "podSelector": {}}]),
        ),
    ),
    Planted(
        "K8S029",
        "a large part of the internet",
        edit("NetworkPolicy", "allow-requests", put("spec/ingress/0/from", [{"ipBlock": {"cidr": "128.0.0.0/1"}}])),
    ),
    Planted("K8S029", "name the pods", edit("NetworkPolicy", "allow-requests", put("spec/podSelector", {}))),
    Planted(
        "K8S029",
        "asked for in default",
        edit(
            "NetworkPolicy",
            "allow-dns",
            put("spec/egress/0/to/0/namespaceSelector/matchLabels/kubernetes.io~1metadata.name", "default"),
        ),
    ),
    Planted("K8S030", "by Exact", edit("HTTPRoute", "api", put("spec/rules/0/matches/0/path/type", "Exact"))),
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
    Planted(
        "K8S024",
        "scaleUp is disabled",
        edit("HorizontalPodAutoscaler", "api", put("spec/behavior/scaleUp/selectPolicy", "Disabled")),
    ),
    Planted("K8S025", "protects nothing", edit("PodDisruptionBudget", "api", put("spec/maxUnavailable", "100%"))),
    Planted("K8S025", "maxSkew 0", edit("Deployment", "api", put(f"{POD}/topologySpreadConstraints/0/maxSkew", 0))),
    Planted("K8S026", "is paused", edit("Deployment", "worker", put("spec/paused", value=True))),
    Planted("K8S026", "beside its own", edit("Rollout", "api", put("spec/workloadRef/scaleDown", "never"))),
    Planted("K8S027", "runs are missed", edit("CronJob", "pipeline", put("spec/startingDeadlineSeconds", 5))),
    Planted(
        "K8S033",
        "pauses for 5 seconds",
        edit("Rollout", "api", drop(BLUE), put("spec/strategy/canary", {"steps": [{"pause": {"duration": 5}}]})),
    ),
    Planted("K8S033", "without end", edit("AnalysisTemplate", "latency", drop(f"{SUCCESS}/count"))),
    Planted(
        "K8S033",
        "{{args.revision}}, which is none",
        edit("AnalysisTemplate", "latency", put(f"{SUCCESS}/provider/prometheus/query", 'a{b="{{args.revision}}"}')),
    ),
    Planted(
        "K8S033",
        "does not say version",
        edit(
            "AnalysisTemplate",
            "latency",
            put(f"{SUCCESS}/provider/prometheus/query", 'a{namespace="{{args.namespace}}"}'),
        ),
    ),
    # settings, secrets, room
    Planted("K8S034", "none of debug", kustomization(PRODUCTION, setting("LOG_LEVEL=information"))),
    Planted("K8S034", "a broker is HOST:PORT", kustomization(PRODUCTION, setting("KAFKA_BROKERS=kafka.example.com"))),
    Planted(
        "K8S034",
        "loses everything",
        kustomization("k8s/components/datastore", put("configMapGenerator/0/literals", ["STORE=memory"])),
    ),
    Planted(
        "K8S034", "ends before HTTP_WRITE_TIMEOUT", edit("HTTPRoute", "api", put("spec/rules/0/timeouts/request", "5s"))
    ),
    Planted("K8S035", "makes no Secret", edit("ExternalSecret", "secrets", put("spec/target/creationPolicy", "Merge"))),
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
    Planted(
        "KUS007",
        "is no region",
        kustomization(
            PRODUCTION, put("patches/5/patch", "- {op: replace, path: /spec/provider/aws/region, value: eu-central1}")
        ),
    ),
    Planted(
        "KUS007",
        "are called orders",
        kustomization(PRODUCTION, put("labels/0/pairs/app.kubernetes.io~1name", "orders")),
    ),
    Planted("KUS007", "not of this environment alone", kustomization(PRODUCTION, drop("patches/4"))),
    # Argo CD
    application("stands twice", put("metadata/name", "orders-service-dev")),
    application("names its image", put("spec/source/kustomize", {"images": ["service=a:1"]})),
    Planted(
        "ARG002", "every namespace use it", edit("AppProject", "orders-service", put("spec/sourceNamespaces", ["*"]))
    ),
    Planted("ARG002", "to everybody", edit("AppProject", "orders-service", put("spec/roles/0/groups", ["*"]))),
    Planted(
        "ARG002",
        "does not allow Namespace",
        edit("AppProject", "orders-service", drop("spec/clusterResourceWhitelist")),
    ),
    Planted(
        "ARG003",
        "comes in wave 3",
        kustomization(
            "k8s/components/sync-order",
            put(
                "patches/0/patch",
                '- {op: add, path: /metadata/annotations, value: {argocd.argoproj.io/sync-wave: "3"}}',
            ),
        ),
    ),
    Planted(
        "ARG003",
        "which it reads by",
        edit("SecretStore", "secrets-manager", put("metadata/annotations/argocd.argoproj.io~1sync-wave", "0")),
    ),
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
