# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154  # variables of lib.sh and of the scripts that source this
# Shared by the scripts that change a cluster; sourced after lib.sh, never run. They set target, cluster and overrule.

looks=30  # a Deployment may take 30 looks of ten seconds
steps=270 # and a Rollout 270, for its steps

# placed: where the environment lives, once target and cluster are checked
placed() {
  environment "$target"
  context "$cluster"
  namespace=$service-$target
  where="-e $target -c $cluster"
}

# asked ARGUMENT...: ask the cluster, for $answer; a cluster that does not answer is an end
asked() {
  answered kubectl --context "$cluster" -n "$namespace" --request-timeout=30s "$@" ||
    fail "cluster $cluster does not answer: kubectl $1 $2"
}

# told FAILURE ARGUMENT...: change the cluster, and write it down; stop with the message FAILURE when that went wrong
told() {
  failure=$1
  shift
  logged "$program-$target" kubectl --context "$cluster" -n "$namespace" "$@" || fail "$failure"
}

# applied FAILURE FILE: apply manifests, which name their own namespace
applied() {
  [ -s "$2" ] || return 0
  logged "$program-$target" kubectl --context "$cluster" apply -f "$2" || fail "$1"
}

# look_around: list what runs, in $scratch/running: Deployment|revision|image|mark of Argo CD|instance|cause; and what ran before, in
# $scratch/history: Deployment|revision|image|release|hash|since|cause
look_around() {
  path='{range .items[*]}{.metadata.name}|{.metadata.annotations.deployment\.kubernetes\.io/revision}'
  path=$path'|{.spec.template.spec.containers[0].image}|{.metadata.annotations.argocd\.argoproj\.io/tracking-id}'
  path=$path'{.metadata.labels.argocd\.argoproj\.io/instance}|{.metadata.labels.app\.kubernetes\.io/instance}'
  path=$path'|{.metadata.annotations.kubernetes\.io/change-cause}{"\n"}{end}'
  asked get deployments -l "app.kubernetes.io/name=$service" -o "jsonpath=$path"
  printf '%s\n' "$answer" | sed '/^$/d' >"$scratch/running"
  path='{range .items[*]}{.metadata.ownerReferences[0].kind}/{.metadata.ownerReferences[0].name}'
  path=$path'|{.metadata.annotations.deployment\.kubernetes\.io/revision}|{.spec.template.spec.containers[0].image}'
  path=$path'|{.spec.template.metadata.annotations.release}|{.metadata.labels.pod-template-hash}'
  path=$path'|{.metadata.creationTimestamp}|{.metadata.annotations.kubernetes\.io/change-cause}{"\n"}{end}'
  asked get replicasets -l "app.kubernetes.io/name=$service" -o "jsonpath=$path"
  printf '%s\n' "$answer" | sed -n 's|^Deployment/||p' | sort -t '|' -k 1,1 -k 2,2nr >"$scratch/history"
}

# owned: stop when Argo CD looks after the environment, unless -o was given (overrule=1)
owned() {
  owner=$(awk -F '|' -v own="$namespace" '$4 != "" || $5 == own { print $1; exit }' "$scratch/running")
  [ -z "$owner" ] || [ "$overrule" = 1 ] ||
    fail "Argo CD owns $namespace (deployment/$owner): move its image in git with bin/promote, or overrule it with -o"
}

# names KIND: the names of the objects of a kind among the rendered manifests on standard input
names() {
  awk -v kind="$1" '
    /^---/ { found = 0 }
    /^kind: / { found = $2 == kind }
    found && /^  name: / { print $2; found = 0 }'
}

# who: by whom, for the records of the cluster
who() {
  by=${GITLAB_USER_LOGIN:-${BUILD_USER_ID:-${USER:-$(id -un)}}}
  printf '%s' "$by${CI_JOB_URL:+ in $CI_JOB_URL}${BUILD_URL:+ in $BUILD_URL}" | tr -cd 'A-Za-z0-9 @._:/%-'
}

# stuck SELECTOR: whether pods of it cannot start or start again and again; names them with the reason in $scratch/stuck
stuck() {
  path='{range .items[*]}{.metadata.name}|{.status.containerStatuses[*].state.waiting.reason}'
  path=$path'|{.status.containerStatuses[*].restartCount}|{.status.containerStatuses[*].state.waiting.message}{"\n"}{end}'
  asked get pods -l "$1" -o "jsonpath=$path"
  printf '%s\n' "$answer" | awk -F '|' '
    $2 ~ /ImagePull|InvalidImage|ImageNeverPull|ContainerConfigError|ContainerError|CrashLoop/ || $3 + 0 > 1 {
      printf "%s|%s, started again %d times: %s\n", $1, ($2 == "" ? "ends" : $2), $3, $4 }' >"$scratch/stuck"
  [ -s "$scratch/stuck" ]
}

# last_lines: what the pods that are stuck had to say
last_lines() {
  sed 's/|/: /' "$scratch/stuck" >&2
  sed -n '1s/|.*//p' "$scratch/stuck" >"$scratch/first"
  while read -r pod; do
    attended kubectl --context "$cluster" -n "$namespace" logs "$pod" --tail=20 --previous </dev/null >&2 2>/dev/null ||
      attended kubectl --context "$cluster" -n "$namespace" logs "$pod" --tail=20 </dev/null >&2 || :
  done <"$scratch/first"
}

# patient LOOKS OBJECT SELECTOR COMMAND...: repeat what waits ten seconds for the object until it succeeds. It is given up
# after so many looks, and after three in which the object failed or its pods were stuck: half a minute. SELECTOR finds the
# pods; deployment/NAME stands for those of its newest version.
patient() {
  left=$1 object=$2 selector=$3 bad=0 seen=''
  shift 3
  while :; do
    if looked "$@"; then
      return 0
    fi
    left=$((left - 1))
    asked get "$object" --ignore-not-found -o 'jsonpath={.status.phase} {range .status.conditions[?(@.status=="True")]}{.type} {end}{range .status.conditions[*]}{.reason} {end}{.status.message}'
    state=$answer pods=$selector
    case $selector in
      deployment/*)
        newest "${selector#*/}"
        pods=$newest
        ;;
    esac
    : >"$scratch/stuck"
    case $state in
      *' Failed '*)
        stuck "$pods" || :
        bad=3
        ;;
      Degraded* | *ProgressDeadlineExceeded* | *ReplicaFailure*) bad=$((bad + 1)) ;;
      *) if stuck "$pods"; then bad=$((bad + 1)); else bad=0; fi ;;
    esac
    if [ "$bad" -ge 3 ] || [ "$left" -le 0 ]; then
      last_lines
      printf '%s: %s: %s\n' "$program" "$object" "$state" >&2
      return 1
    fi
  done
}

# looked COMMAND...: like logged, but what it says is shown only when that is something else than before
looked() {
  looked_status=0
  noted "$program-$target" "$@" || looked_status=$?
  said=$(tail -c "+$((noted_out + 1))" "$log.out" && tail -c "+$((noted_err + 1))" "$log.err")
  [ "$said" = "$seen" ] || [ -z "$said" ] || printf '%s\n' "$said"
  seen=$said
  return "$looked_status"
}

# newest DEPLOYMENT: the label that the pods of its newest version carry
newest() {
  asked get replicasets -l "app.kubernetes.io/name=$service" -o 'jsonpath={range .items[*]}{.metadata.ownerReferences[0].kind}/{.metadata.ownerReferences[0].name} {.metadata.annotations.deployment\.kubernetes\.io/revision} {.metadata.labels.pod-template-hash}{"\n"}{end}'
  newest=$(printf '%s\n' "$answer" | sort -k 2,2nr | awk -v name="Deployment/$1" '$1 == name { print "pod-template-hash=" $3; exit }')
  newest=${newest:-pod-template-hash=none}
}

# rolled_out DEPLOYMENTS ROLLOUTS: wait until the pods of the newest version serve, or say why they do not
rolled_out() {
  for one in $1; do
    patient "$looks" "deployment/$one" "deployment/$one" \
      kubectl --context "$cluster" -n "$namespace" rollout status "deployment/$one" --timeout=10s || return 1
  done
  # A Rollout takes its pods from the Deployment of its name, and is judged only once it has seen the newest of them.
  for one in $2; do
    asked get deployment "$one" -o 'jsonpath={.metadata.generation}'
    patient "$looks" "rollout/$one" "rollouts-pod-template-hash=none" \
      kubectl --context "$cluster" -n "$namespace" wait "rollout/$one" --timeout=10s \
      --for="jsonpath={.status.workloadObservedGeneration}=$answer" || return 1
    asked get "rollout/$one" -o 'jsonpath={.status.currentPodHash} {.status.stableRS}'
    current=${answer% *} stable=${answer#* }
    if [ "${at_once:-0}" = 1 ] && [ "$current" != "$stable" ]; then
      told "rollout/$one could not be told to skip its steps" patch "rollout/$one" --subresource=status --type=merge \
        -p '{"status":{"promoteFull":true}}'
    fi
    echo "waiting up to 45 minutes for the steps of rollout/$one"
    patient "$steps" "rollout/$one" "rollouts-pod-template-hash=$current" \
      kubectl --context "$cluster" -n "$namespace" wait "rollout/$one" --timeout=10s \
      --for='jsonpath={.status.phase}=Healthy' || return 1
  done
}

# gone_back PLAN ROLLOUTS: bring each Deployment to its revision, the scheduled jobs to their image, and wait; a line of
# PLAN is name|revision|image|from-image
gone_back() {
  while IFS='|' read -r one revision image before; do
    told "deployment/$one did not go back" rollout undo "deployment/$one" "--to-revision=$revision" </dev/null
    told "deployment/$one went back, and is not marked as a rollback" annotate --overwrite "deployment/$one" \
      "kubernetes.io/change-cause=rolled back from $before by $(who) at $(date -u +%Y-%m-%dT%H:%M:%SZ)" </dev/null
  done <"$1"
  image=$(awk -F '|' 'NR == 1 { print $3 }' "$1")
  asked get cronjobs -l "app.kubernetes.io/name=$service" -o name
  for one in $answer; do
    told "$one did not go back" set image "$one" "*=$image"
  done
  at_once=1
  rolled_out "$(cut -d '|' -f 1 "$1")" "$2"
}
