/* The log: one line an event, to a file descriptor.

       2026-01-02T03:04:05.678Z info  engine: block sealed number=5 txs=2

   A line of level `broken` says that an invariant of ours does not hold; tests fail on one.
   Libraries below the roles return errors and do not log. Any thread. */
#ifndef VIADUCT_NODE_PLATFORM_LOG_H
#define VIADUCT_NODE_PLATFORM_LOG_H

#include <stdbool.h>

enum vd_log_level {
    VD_LOG_DEBUG,
    VD_LOG_INFO,
    VD_LOG_WARN,
    VD_LOG_ERROR,
    VD_LOG_BROKEN,
};

struct vd_logger {
    int fd;
    enum vd_log_level level; /* lines below it are not written */
};

/* "debug", "info", "warn", "error"; false for anything else. */
bool vd_log_level_parse(enum vd_log_level *level, const char *text);

/* vd_log writes one line in one write call; longer than 1,000 bytes it is cut.  logger may be
   NULL. */
void vd_log(const struct vd_logger *logger, enum vd_log_level level, const char *who,
            const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
