{{/* What all containers of the pod have in common. */}}
{{- define "vcluster.container" -}}
{{- $set := .root.Values.controlPlane.statefulSet -}}
image: {{ include "vcluster.image" .root | quote }}
imagePullPolicy: {{ $set.imagePullPolicy | default "IfNotPresent" }}
terminationMessagePolicy: FallbackToLogsOnError
env:
- {name: RELEASE, value: {{ .root.Release.Name | quote }}}
- {name: NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
- {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
- {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
{{- with $set.env }}
{{ toYaml . }}
{{- end }}
securityContext:
  allowPrivilegeEscalation: false
  capabilities: {drop: [ALL]}
  runAsUser: 0
volumeMounts:
- {name: config, mountPath: /config, readOnly: true}
- {name: pki, mountPath: /pki}
{{- range .mounts }}
- {name: {{ . }}, mountPath: /{{ . }}}
{{- end }}
{{- end }}
