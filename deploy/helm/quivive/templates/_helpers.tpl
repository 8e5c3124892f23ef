{{- define "quivive.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "quivive.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "quivive.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "quivive.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "quivive.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "quivive.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* What selects this release's pods. Never changes during a release's life: a Deployment's selector is immutable. */}}
{{- define "quivive.selector" -}}
app.kubernetes.io/name: {{ include "quivive.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "quivive.labels" -}}
{{ include "quivive.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: quivive
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Arguments: root, service. */}}
{{- define "quivive.image" -}}
{{- $image := .root.Values.image -}}
{{- with $image.registry }}{{ trimSuffix "/" . }}/{{ end -}}
quivive-{{ .service }}:{{ default .root.Chart.AppVersion $image.tag }}
{{- end -}}

{{- define "quivive.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "quivive.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "quivive.secretEnv" -}}
- name: QUIVIVE_NATS_URL
  valueFrom:
    secretKeyRef:
      name: {{ .Values.nats.secret.name }}
      key: {{ .Values.nats.secret.key }}
- name: QUIVIVE_DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ .Values.database.secret.name }}
      key: {{ .Values.database.secret.key }}
{{- end -}}

{{/* A variable of the environment, where its Secret is named. Arguments: variable, secret. */}}
{{- define "quivive.optionalSecretEnv" -}}
{{- if .secret.name -}}
- name: {{ .variable }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret.name }}
      key: {{ .secret.key }}
{{- end -}}
{{- end -}}

{{/* Where a pod may be placed. Argument: the service's values. */}}
{{- define "quivive.placement" -}}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .topologySpreadConstraints }}
topologySpreadConstraints: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* One line per setting that is weaker than it should be in production. */}}
{{- define "quivive.weaknesses" -}}
{{- if not .Values.settings.publicUrl }}
! settings.publicUrl is empty: mails cannot link to their incident.
{{- else if not (hasPrefix "https://" .Values.settings.publicUrl) }}
! settings.publicUrl is not https: people would read pages over an open line.
{{- end }}
{{- if and .Values.ingress.enabled (not .Values.ingress.tlsSecret) }}
! ingress.tlsSecret is empty: the web pages are served without TLS, unless the ingress controller adds it.
{{- end }}
{{- if ne .Values.api.service.type "ClusterIP" }}
! api.service.type is {{ .Values.api.service.type }}: gRPC, which may change the configuration, is reachable from outside the cluster: tokens need TLS there.
{{- end }}
{{- if not .Values.operatorToken.secret.name }}
! operatorToken.secret.name is empty: nobody can call the api, unless there are tokens in the database already.
{{- end }}
{{- if not .Values.links.secret.name }}
! links.secret.name is empty: messages have no link that acknowledges.
{{- end }}
{{- if not .Values.deadman.secret.name }}
! deadman.secret.name is empty: nobody is told when Quivive itself is away.
{{- end }}
{{- if not .Values.heartbeats.secret.name }}
! heartbeats.secret.name is empty: jobs that call us (heartbeat checks) cannot be declared.
{{- end }}
{{- if not .Values.smtp.secret.name }}
! smtp.secret.name is empty: no e-mail is sent.
{{- else if not .Values.smtp.from }}
! smtp.from is empty: mail leaves under the default sender and may be refused.
{{- end }}
{{- if lt (int .Values.api.replicas) 2 }}
! api.replicas is {{ .Values.api.replicas }}: pages and API are away while its pod moves.
{{- else if not .Values.podDisruptionBudget.enabled }}
! podDisruptionBudget.enabled is false: a node drain may take every api pod at once.
{{- end }}
{{- if not .Values.networkPolicy.enabled }}
! networkPolicy.enabled is false: every pod of the cluster may reach gRPC.
{{- else if not .Values.networkPolicy.apiFrom }}
! networkPolicy.apiFrom is empty: every pod of the cluster may reach gRPC.
{{- end }}
{{- if not .Values.monitoring.prometheusRule.enabled }}
! monitoring.prometheusRule.enabled is false: nobody is told when Quivive itself fails.
{{- end }}
{{- end -}}
