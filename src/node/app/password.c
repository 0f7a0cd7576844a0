#include "password.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "viaduct/node/platform/secret_file.h"

static bool
prepare(struct vd_password *password, char *error, size_t error_len)
{
    password->len = 0;
    password->text = sodium_init() < 0 ? NULL : sodium_malloc(VD_PASSWORD_MAX + 2);
    if (!password->text) {
        snprintf(error, error_len, "too little locked memory for a password (ulimit -l)");
    }
    return password->text != NULL;
}

void
vd_password_deinit(struct vd_password *password)
{
    sodium_free(password->text);
    *password = (struct vd_password){0};
}

bool
vd_password_read(struct vd_password *password, const char *path, char *error, size_t error_len)
{
    if (!prepare(password, error, error_len) ||
        vd_secret_file_read(password->text, &password->len, VD_PASSWORD_MAX + 2, error, error_len,
                            "password file", path) != VD_OK) {
        return false;
    }
    if (password->len > 0 && password->text[password->len - 1] == '\n') {
        password->len--;
    }
    if (password->len > 0 && password->text[password->len - 1] == '\r') {
        password->len--;
    }
    if (password->len > VD_PASSWORD_MAX ||
        (password->len > 0 && memchr(password->text, '\n', password->len))) {
        snprintf(error, error_len,
                 "password file %s: a password is one line of at most %u bytes and nothing else",
                 path, VD_PASSWORD_MAX);
        return false;
    }
    return true;
}

/* --- the terminal --- */

enum key {
    KEY_INTERRUPT = 0x03,
    KEY_END = 0x04,
    KEY_BACKSPACE = 0x08,
    KEY_KILL = 0x15,
    KEY_DELETE = 0x7f,
};

static void
take_back(struct vd_password *password)
{
    /* A whole UTF-8 character goes at a time. */
    while (password->len > 0 && (password->text[--password->len] & 0xc0) == 0x80) {
    }
}

/* Reads keys up to the line's end; false: given up. */
static bool
read_keys(struct vd_password *password, int fd)
{
    uint8_t key;
    for (;;) {
        ssize_t n = read(fd, &key, 1);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0 || key == KEY_INTERRUPT || (key == KEY_END && password->len == 0)) {
            return false;
        }
        if (key == '\n' || key == '\r' || key == KEY_END) {
            return true;
        }
        if (key == KEY_BACKSPACE || key == KEY_DELETE) {
            take_back(password);
        } else if (key == KEY_KILL) {
            password->len = 0;
        } else if (password->len < VD_PASSWORD_MAX) {
            password->text[password->len++] = key;
        }
    }
}

static void
show(int fd, const char *text)
{
    ssize_t n = write(fd, text, strlen(text));
    (void)n; /* a terminal that takes no prompt may still give keys */
}

/* With the terminal set to show nothing and hand over each key.  Signals wait meanwhile, so that
   none ends the program before the terminal is as it was. */
static bool
read_silently(struct vd_password *password, int fd, const char *prompt, char *error,
              size_t error_len)
{
    struct termios usual;
    sigset_t all;
    sigset_t before;
    if (tcgetattr(fd, &usual) != 0) {
        snprintf(error, error_len, "the terminal: %s", strerror(errno));
        return false;
    }
    struct termios silent = usual;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ICANON | ISIG);
    silent.c_cc[VMIN] = 1;
    silent.c_cc[VTIME] = 0;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    bool read_one = tcsetattr(fd, TCSAFLUSH, &silent) == 0;
    if (read_one) {
        show(fd, prompt); /* only now: nothing that is typed after it is shown or lost */
        show(fd, " ");
        read_one = read_keys(password, fd);
    }
    tcsetattr(fd, TCSAFLUSH, &usual);
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (!read_one) {
        snprintf(error, error_len, "no password was given");
    }
    return read_one;
}

bool
vd_password_ask(struct vd_password *password, const char *prompt, char *error, size_t error_len)
{
    if (!prepare(password, error, error_len)) {
        return false;
    }
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        snprintf(error, error_len,
                 "there is no terminal to ask for a password on; write it to a file of mode 0600 "
                 "and give that file (--help names the option)");
        return false;
    }
    bool read_one = read_silently(password, fd, prompt, error, error_len);
    show(fd, "\n");
    close(fd);
    return read_one;
}

static bool
ask_twice(struct vd_password *password, char *error, size_t error_len)
{
    struct vd_password again = {0};
    bool good = vd_password_ask(password, "Password for the new keystore:", error, error_len) &&
                vd_password_ask(&again, "The same again:", error, error_len);
    if (good &&
        (again.len != password->len || sodium_memcmp(again.text, password->text, again.len) != 0)) {
        snprintf(error, error_len, "the two passwords differ; nothing was written");
        good = false;
    }
    vd_password_deinit(&again);
    return good;
}

bool
vd_password_new(struct vd_password *password, const char *path, char *error, size_t error_len)
{
    bool good = path ? vd_password_read(password, path, error, error_len)
                     : ask_twice(password, error, error_len);
    if (good && password->len == 0) {
        snprintf(error, error_len, "the password is empty; a new keystore needs one");
        good = false;
    }
    return good;
}
