{# Nothing to report: a model of alarms is empty. #}
{% test no_rows(model) %} select * from {{ model }} {% endtest %}
