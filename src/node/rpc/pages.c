/* /metrics, /healthz and /readyz. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "rpc_internal.h"

static void
text(struct vd_json *out, const char *line)
{
    vd_json_bytes(out, line, strlen(line));
}

void
vd_rpc_metric(struct vd_json *out, const char *name, const char *type, const char *help,
              uint64_t value)
{
    char line[512];
    snprintf(line, sizeof line, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 "\n", name, help, name,
             type, name, value);
    text(out, line);
}

static void
head_metrics(struct vd_json *out, const struct vd_heads *heads)
{
    char lines[512];
    snprintf(lines, sizeof lines,
             "# HELP viaduct_head_number Number of the head block.\n"
             "# TYPE viaduct_head_number gauge\n"
             "viaduct_head_number{head=\"unsafe\"} %" PRIu64 "\n"
             "viaduct_head_number{head=\"safe\"} %" PRIu64 "\n"
             "viaduct_head_number{head=\"finalized\"} %" PRIu64 "\n",
             heads->unsafe.number, heads->safe.number, heads->finalized.number);
    text(out, lines);
    vd_rpc_metric(out, "viaduct_head_timestamp_seconds", "gauge",
                  "Time of the newest block in the database.", heads->unsafe.timestamp);
}

static void
method_errors(void *ctx, const char *name, const struct vd_rpc_method_stats *stats)
{
    char line[160];
    snprintf(line, sizeof line, "viaduct_rpc_method_errors_total{method=\"%s\"} %" PRIu64 "\n",
             name, stats->errors);
    text(ctx, line);
}

static void
method_seconds(void *ctx, const char *name, const struct vd_rpc_method_stats *stats)
{
    static const char *const metric = "viaduct_rpc_method_seconds";
    char line[300];
    for (int i = 0; i < VD_RPC_TIME_BUCKETS; i++) {
        snprintf(line, sizeof line, "%s_bucket{method=\"%s\",le=\"%g\"} %" PRIu64 "\n", metric,
                 name, (double)vd_rpc_bucket_us[i] / 1e6, stats->buckets[i]);
        text(ctx, line);
    }
    snprintf(line, sizeof line,
             "%s_bucket{method=\"%s\",le=\"+Inf\"} %" PRIu64 "\n%s_sum{method=\"%s\"} %.9f\n"
             "%s_count{method=\"%s\"} %" PRIu64 "\n",
             metric, name, stats->calls, metric, name, (double)stats->time_ns / 1e9, metric, name,
             stats->calls);
    text(ctx, line);
}

/* Only registered methods get a label, so callers cannot grow the page. */
static void
method_metrics(struct vd_json *out, const struct vd_rpc *rpc)
{
    text(out, "# HELP viaduct_rpc_method_errors_total Calls answered by an error.\n"
              "# TYPE viaduct_rpc_method_errors_total counter\n");
    vd_rpc_each_method(rpc, method_errors, out);
    text(out, "# HELP viaduct_rpc_method_seconds From the parsed request to the answer.\n"
              "# TYPE viaduct_rpc_method_seconds histogram\n");
    vd_rpc_each_method(rpc, method_seconds, out);
}

void
vd_rpc_page_metrics(void *ctx, struct vd_http_page *page)
{
    struct vd_rpc_api *api = ctx;
    struct vd_json *out = &page->body;
    struct vd_engine_stats e;
    page->content_type = "text/plain; version=0.0.4; charset=utf-8";
    head_metrics(out, vd_engine_heads(api->engine));
    vd_engine_stats(api->engine, &e);
    vd_rpc_metric(out, "viaduct_transactions_submitted_total", "counter",
                  "Transactions that clients sent.", e.submitted);
    vd_rpc_metric(out, "viaduct_transactions_accepted_total", "counter",
                  "Transactions acknowledged.", e.accepted);
    vd_rpc_metric(out, "viaduct_blocks_total", "counter", "Blocks put into the database.",
                  e.blocks);
    vd_rpc_metric(out, "viaduct_mempool_transactions", "gauge",
                  "Transactions that wait for a block.", e.waiting);
    vd_rpc_metric(out, "viaduct_mempool_bytes", "gauge", "Their bytes.", e.waiting_bytes);
    vd_rpc_metric(out, "viaduct_journal_syncs_total", "counter",
                  "Times the journal was synced to disk.", e.journal_syncs);
    vd_rpc_metric(out, "viaduct_store_commits_total", "counter", "Transactions of the database.",
                  e.commits);
    if (api->rpc != NULL) {
        struct vd_rpc_stats s = vd_rpc_stats(api->rpc);
        vd_rpc_metric(out, "viaduct_rpc_calls_total", "counter", "JSON-RPC calls answered.",
                      s.calls);
        vd_rpc_metric(out, "viaduct_rpc_errors_total", "counter", "Those answered by an error.",
                      s.errors);
        vd_rpc_metric(out, "viaduct_rpc_in_flight", "gauge", "JSON-RPC calls under way.",
                      s.in_flight);
        method_metrics(out, api->rpc);
    }
    vd_rpc_metric(out, "viaduct_filters", "gauge", "Filters installed.",
                  vd_filters_count(api->filters));
    if (api->config.metrics != NULL)
        api->config.metrics(api->config.ctx, out);
}

void
vd_rpc_page_healthz(void *ctx, struct vd_http_page *page)
{
    (void)ctx;
    text(&page->body, "ok\n");
}

void
vd_rpc_page_readyz(void *ctx, struct vd_http_page *page)
{
    struct vd_rpc_api *api = ctx;
    const char *why = api->config.not_ready != NULL ? api->config.not_ready(api->config.ctx) : NULL;
    if (why == NULL) {
        text(&page->body, "ready\n");
        return;
    }
    page->status = 503;
    text(&page->body, why);
    text(&page->body, "\n");
}
