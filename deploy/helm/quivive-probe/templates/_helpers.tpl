{{- define "quivive-probe.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "quivive-probe.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "quivive-probe.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "quivive-probe.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "quivive-probe.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "quivive-probe.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* What selects this release's pods. Never changes during a release's life: a Deployment's selector is immutable. */}}
{{- define "quivive-probe.selector" -}}
app.kubernetes.io/name: {{ include "quivive-probe.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "quivive-probe.labels" -}}
{{ include "quivive-probe.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: quivive
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "quivive-probe.image" -}}
{{- with .Values.image.registry }}{{ trimSuffix "/" . }}/{{ end -}}
quivive-agent:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}

{{- define "quivive-probe.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "quivive-probe.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* One line per setting that is weaker than it should be in production. */}}
{{- define "quivive-probe.weaknesses" -}}
{{- if .Values.simulated }}
! simulated is true: this region's votes are shown as not independent.
{{- end }}
{{- if lt (int .Values.replicas) 2 }}
! replicas is 1: when its node fails, the region is blind until the pod is back. A second agent doubles the requests to the sites.
{{- else if not .Values.podDisruptionBudget.enabled }}
! podDisruptionBudget.enabled is false: a node drain may take every agent of the region at once.
{{- end }}
{{- if not .Values.networkPolicy.enabled }}
! networkPolicy.enabled is false: only the agent itself keeps a hostile name away from the cluster's inside.
{{- end }}
{{- if .Values.settings.allowTargets }}
! settings.allowTargets opens {{ join ", " .Values.settings.allowTargets }}: whoever may declare a site may have these addresses asked.
{{- end }}
{{- if not .Values.settings.contactUrl }}
! settings.contactUrl is empty: a site's owner who finds us in a log cannot tell whom to ask.
{{- end }}
{{- if not .Values.monitoring.prometheusRule.enabled }}
! monitoring.prometheusRule.enabled is false: nobody is told when the agents run late.
{{- end }}
{{- end -}}
