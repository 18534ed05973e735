{{/* Labels that the real chart puts on everything it makes. */}}
{{- define "vcluster.labels" -}}
app: vcluster
release: {{ .Release.Name | quote }}
chart: "{{ .Chart.Name }}-{{ .Chart.Version }}"
heritage: {{ .Release.Service | quote }}
{{- end }}

{{- define "vcluster.serviceAccount" -}}
{{ .Values.controlPlane.advanced.serviceAccount.name | default (printf "vc-%s" .Release.Name) }}
{{- end }}

{{- define "vcluster.image" -}}
{{- $own := index .Chart.Annotations "baremetal.fabric/kubernetes" | trimPrefix "v" -}}
{{- $wanted := .Values.controlPlane.distro.k8s.version | default $own | trimPrefix "v" -}}
{{- $tag := ternary .Chart.AppVersion (printf "%s-%s" .Chart.AppVersion $wanted) (eq $wanted $own) -}}
{{- with .Values.controlPlane.statefulSet.image -}}
{{ with .registry }}{{ . }}/{{ end }}{{ .repository }}:{{ .tag | default $tag }}
{{- end -}}
{{- end }}

{{/* All values as the programs of the image read them; the real chart keeps them in the same Secret. */}}
{{- define "vcluster.config" -}}
{{- $values := deepCopy .Values -}}
{{- if not .Values.networking.serviceCIDR -}}
{{- $_ := set $values.networking "serviceCIDR" "10.96.0.0/12" -}}
{{- end -}}
{{ toYaml (omit $values "global") }}
{{- end }}

{{/* What the real vCluster refuses at its start, and what the stand-in has not got. */}}
{{- define "vcluster.validate" -}}
{{- if not .Values.privateNodes.enabled }}
{{- fail "privateNodes.enabled must be true: the stand-in only knows private nodes" }}
{{- end }}
{{- if not (regexMatch "^[^:/]+:[0-9]+$" .Values.controlPlane.endpoint) }}
{{- fail "controlPlane.endpoint must be HOST:PORT" }}
{{- end }}
{{- if not .Values.controlPlane.backingStore.etcd.embedded.enabled }}
{{- if gt (int .Values.controlPlane.statefulSet.highAvailability.replicas) 1 }}
{{- fail "more than one replica needs controlPlane.backingStore.etcd.embedded.enabled" }}
{{- end }}
{{- end }}
{{- if dig "etcd" "deploy" "enabled" false .Values.controlPlane.backingStore }}
{{- fail "controlPlane.backingStore.etcd.deploy is not part of the stand-in: use etcd.embedded" }}
{{- end }}
{{- range list "embedded" "external" }}
{{- if dig "database" . "enabled" false $.Values.controlPlane.backingStore }}
{{- fail (printf "controlPlane.backingStore.database.%s is not part of the stand-in: use etcd.embedded" .) }}
{{- end }}
{{- end }}
{{- end }}
