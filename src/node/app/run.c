#include "run.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void
on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    vd_run_stop(handle->data);
}

bool
vd_run_init(struct vd_run *run, const struct vd_options *options, void (*stop)(struct vd_run *run))
{
    *run = (struct vd_run){.stop = stop, .logger = {.fd = STDERR_FILENO}};
    if (!vd_log_level_parse(&run->logger.level, options->log_level)) {
        fprintf(stderr, "viaduct: --log-level is '%s'; give debug, info, warn or error\n",
                options->log_level);
        return false;
    }
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&run->loop);
    if (vd_pool_new(&run->pool, &run->loop, 0) != VD_OK) {
        fprintf(stderr, "viaduct: cannot start worker threads\n");
        return false;
    }
    static const int numbers[] = {SIGINT, SIGTERM};
    for (int i = 0; i < 2; i++) {
        uv_signal_init(&run->loop, &run->signals[i]);
        run->signals[i].data = run;
        uv_signal_start(&run->signals[i], on_signal, numbers[i]);
    }
    return true;
}

int
vd_run_loop(struct vd_run *run)
{
    uv_run(&run->loop, UV_RUN_DEFAULT);
    uv_loop_close(&run->loop);
    return run->status;
}

void
vd_run_fail(struct vd_run *run, const char *text)
{
    fprintf(stderr, "viaduct: %s\n", text);
    run->status = 1;
    vd_run_stop(run);
}

void
vd_run_stop(struct vd_run *run)
{
    if (!run->stopping) {
        run->stopping = true;
        run->stop(run);
    }
}

static void
on_pool_closed(void *ctx)
{
    struct vd_run *run = ctx;
    for (int i = 0; i < 2; i++) {
        uv_close((uv_handle_t *)&run->signals[i], NULL);
    }
}

void
vd_run_stopped(struct vd_run *run)
{
    vd_pool_close(run->pool, on_pool_closed, run);
}

void
vd_node_config_from_options(struct vd_node_config *config, const struct vd_options *options)
{
    config->retention_blocks = options->retention_blocks;
    config->deposits_only = options->deposits_only;
    config->proposer_unfinalized = options->proposer_unfinalized;
    config->zlib_channels = strcmp(options->batcher_compression, "zlib") == 0;
    config->singular_batches = strcmp(options->batcher_batch_type, "singular") == 0;
    config->channel_bytes = options->batcher_channel_bytes;
    config->channel_age_ms = options->batcher_channel_ms;
    config->frame_bytes = options->batcher_frame_bytes;
    config->batcher_confs = options->batcher_confs;
    config->batcher_max_fee_gwei = options->batcher_max_fee_gwei;
    config->proposal_interval_s = options->proposal_interval_s;
    config->proposer_confs = options->proposer_confs;
    config->proposer_max_fee_gwei = options->proposer_max_fee_gwei;
    config->challenger_confs = options->challenger_confs;
    config->challenger_max_fee_gwei = options->challenger_max_fee_gwei;
    config->http_host = options->http_host;
    config->http_cors = options->http_cors;
    config->http_vhosts = options->http_vhosts;
    config->http_body_bytes = options->http_body_bytes;
    config->http_connections = (uint32_t)options->http_connections;
    config->rpc_batch = (uint32_t)options->rpc_batch;
    config->rpc_gas = options->rpc_gas;
    config->rpc_call_ms = options->rpc_call_ms;
    config->rpc_log_blocks = options->rpc_log_blocks;
    config->rpc_logs = options->rpc_logs;
}
