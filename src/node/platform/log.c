#include "viaduct/node/platform/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_LINE 1000

static const char *const level_names[] = {
    [VD_LOG_DEBUG] = "debug", [VD_LOG_INFO] = "info",     [VD_LOG_WARN] = "warn",
    [VD_LOG_ERROR] = "error", [VD_LOG_BROKEN] = "broken",
};

bool
vd_log_level_parse(enum vd_log_level *level, const char *text)
{
    for (int i = VD_LOG_DEBUG; i <= VD_LOG_ERROR; i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *level = (enum vd_log_level)i;
            return true;
        }
    }
    return false;
}

static size_t
write_stamp(char *line, size_t size)
{
    struct timespec now;
    struct tm parts;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    size_t len = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &parts);
    return len + (size_t)snprintf(line + len, size - len, ".%03dZ", (int)(now.tv_nsec / 1000000));
}

void
vd_log(const struct vd_logger *logger, enum vd_log_level level, const char *who, const char *format,
       ...)
{
    if (!logger || level < logger->level) {
        return;
    }
    char line[MAX_LINE + 1];
    size_t len = write_stamp(line, sizeof line);
    len += (size_t)snprintf(line + len, sizeof line - len, " %-5s %s: ", level_names[level], who);
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(line + len, sizeof line - len, format, arguments);
    va_end(arguments);
    if (written > 0) {
        len += (size_t)written;
    }
    if (len > MAX_LINE - 1) {
        len = MAX_LINE - 1;
    }
    line[len++] = '\n';
    /* There is nowhere to report that the log cannot be written. */
    ssize_t ignored = write(logger->fd, line, len);
    (void)ignored;
}
