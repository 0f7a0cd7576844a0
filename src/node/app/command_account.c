/* viaduct account new|import|list|sign: keystore files without a node. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "addresses.h"
#include "commands.h"
#include "file_read.h"
#include "keystore_files.h"
#include "options.h"
#include "password.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/l1/key.h"

/* POSIX leaves this declaration to the program. */
extern char **environ;

/* What a subcommand works with; messages go to error. */
struct account {
    struct vd_options options;
    char error[1024];
};

static bool
fail(struct account *a, const char *text)
{
    snprintf(a->error, sizeof a->error, "%s", text);
    return false;
}

static bool
print_account(void *ctx, const char *path, const struct vd_address *address)
{
    char text[43];
    size_t *count = ctx;
    if (address) {
        vd_address_text(text, address);
    }
    printf("%-42s  %s\n", address ? text : "(no address stated)", path);
    ++*count;
    return true;
}

/* --- new, import --- */

static bool
store(struct account *a, const struct vd_key *key, const struct vd_password *password)
{
    char path[VD_KEYSTORE_PATH_MAX];
    char *text;
    size_t count = 0;
    enum vd_err err =
        vd_key_to_keystore(&text, key, vd_password_view(password),
                           a->options.light_kdf ? VD_KEYSTORE_LIGHT : VD_KEYSTORE_STANDARD);
    if (err != VD_OK) {
        snprintf(a->error, sizeof a->error, "encrypting the key: %s", vd_err_text(err));
        return false;
    }
    bool stored = vd_keystore_file_store(path, a->options.keystore_folder, vd_key_address(key),
                                         text, a->error, sizeof a->error);
    free(text);
    if (stored) {
        print_account(&count, path, vd_key_address(key));
    }
    return stored;
}

static bool
run_new(struct account *a)
{
    struct vd_password password = {0};
    struct vd_key *key = NULL;
    if (!a->options.keystore_folder) {
        return fail(a, "--keystore is missing: the folder for the new file");
    }
    bool good = vd_password_new(&password, a->options.password_file, a->error, sizeof a->error);
    if (good && vd_key_generate(&key) != VD_OK) {
        good = fail(a, "too little locked memory for a key (ulimit -l)");
    }
    good = good && store(a, key, &password);
    vd_key_free(key);
    vd_password_deinit(&password);
    return good;
}

static bool
exists_already(struct account *a, const struct vd_address *address)
{
    char path[VD_KEYSTORE_PATH_MAX];
    char ignored[256];
    if (access(a->options.keystore_folder, F_OK) != 0 ||
        !vd_keystore_folder_find(path, a->options.keystore_folder, address, ignored,
                                 sizeof ignored)) {
        return false;
    }
    snprintf(a->error, sizeof a->error, "the account is there already, in %.900s", path);
    return true;
}

static bool
run_import(struct account *a)
{
    struct vd_password password = {0};
    struct vd_key *key = NULL;
    if (!a->options.keystore_folder) {
        return fail(a, "--keystore is missing: the folder for the new file");
    }
    if (!a->options.import_file) {
        return fail(a, "--key-file is missing: the file that holds the key, 64 hex digits");
    }
    bool good = vd_key_load(&key, a->error, sizeof a->error, a->options.import_file) == VD_OK &&
                !exists_already(a, vd_key_address(key)) &&
                vd_password_new(&password, a->options.password_file, a->error, sizeof a->error) &&
                store(a, key, &password);
    vd_key_free(key);
    vd_password_deinit(&password);
    return good;
}

/* --- list --- */

static bool
run_list(struct account *a)
{
    size_t count = 0;
    if (!a->options.keystore_folder) {
        return fail(a, "--keystore is missing: the folder of the files");
    }
    if (!vd_keystore_folder_each(a->options.keystore_folder, print_account, &count, a->error,
                                 sizeof a->error)) {
        return false;
    }
    if (count == 0) {
        fprintf(stderr, "%s holds no keystore files\n", a->options.keystore_folder);
    }
    return true;
}

/* --- sign --- */

/* EIP-191, version 0x45. */
static struct vd_hash
message_hash(struct vd_slice message)
{
    char prefix[64];
    struct vd_keccak k;
    int len = snprintf(prefix, sizeof prefix,
                       "\x19"
                       "Ethereum Signed Message:\n%zu",
                       message.len);
    vd_keccak_init(&k);
    vd_keccak_update(&k, vd_slice((const uint8_t *)prefix, (size_t)len));
    vd_keccak_update(&k, message);
    return vd_keccak_final(&k);
}

static bool
hash_hex_message(struct account *a, struct vd_hash *hash)
{
    const char *text = a->options.sign_message_hex;
    size_t digits = strlen(text);
    uint8_t *bytes = malloc(digits / 2 + 1);
    bool good =
        bytes && digits >= 2 && digits % 2 == 0 && vd_file_parse_fixed(bytes, digits / 2 - 1, text);
    if (good) {
        *hash = message_hash(vd_slice(bytes, digits / 2 - 1));
    }
    free(bytes);
    return good || fail(a, "--message-hex must be 0x and an even number of hex digits");
}

static bool
hash_to_sign(struct account *a, struct vd_hash *hash)
{
    const struct vd_options *o = &a->options;
    if ((o->sign_message != NULL) + (o->sign_message_hex != NULL) + (o->sign_hash != NULL) != 1) {
        return fail(a, "give one of --message, --message-hex and --hash: what is to be signed");
    }
    if (o->sign_message) {
        *hash = message_hash(vd_slice((const uint8_t *)o->sign_message, strlen(o->sign_message)));
        return true;
    }
    if (o->sign_message_hex) {
        return hash_hex_message(a, hash);
    }
    return vd_file_parse_fixed(hash->b, sizeof hash->b, o->sign_hash) ||
           fail(a, "--hash must be 0x and 64 hex digits");
}

/* The file to sign with: --keystore itself, or the one in that folder of the --address. */
static bool
find_file(struct account *a, char path[VD_KEYSTORE_PATH_MAX], struct vd_address *address)
{
    struct stat st;
    const char *keystore = a->options.keystore_any;
    const char *text = a->options.sign_address;
    if (!keystore) {
        return fail(a, "--keystore is missing: the keystore file, or a folder with --address");
    }
    if (text && !vd_file_parse_fixed(address->b, sizeof address->b, text)) {
        return fail(a, "--address must be 0x and 40 hex digits");
    }
    if (stat(keystore, &st) != 0 || !S_ISDIR(st.st_mode)) {
        snprintf(path, VD_KEYSTORE_PATH_MAX, "%s", keystore);
        return true;
    }
    if (!text) {
        return fail(a, "--keystore is a folder; give --address to say which of its accounts");
    }
    return vd_keystore_folder_find(path, keystore, address, a->error, sizeof a->error);
}

static bool
open_key(struct account *a, struct vd_key **key)
{
    char path[VD_KEYSTORE_PATH_MAX];
    char why[256];
    char *text = NULL;
    size_t len;
    struct vd_address address;
    struct vd_password password = {0};
    const char *file = a->options.password_file;
    bool good =
        find_file(a, path, &address) &&
        vd_keystore_file_read(&text, &len, path, a->error, sizeof a->error) &&
        (file ? vd_password_read(&password, file, a->error, sizeof a->error)
              : vd_password_ask(&password, "Password of the keystore:", a->error, sizeof a->error));
    if (good && vd_key_from_keystore(key, why, sizeof why, vd_slice((const uint8_t *)text, len),
                                     vd_password_view(&password)) != VD_OK) {
        snprintf(a->error, sizeof a->error, "keystore %.700s: %s", path, why);
        good = false;
    }
    if (good && a->options.sign_address && !vd_address_eq(vd_key_address(*key), &address)) {
        good = fail(a, "the keystore holds another account than --address says");
    }
    vd_password_deinit(&password);
    free(text);
    return good;
}

/* r, s and v as wallets write them: v is 27 or 28. */
static bool
run_sign(struct account *a)
{
    struct vd_hash hash;
    struct vd_key *key = NULL;
    uint8_t signature[65];
    uint8_t parity = 0;
    char digits[131] = {0};
    bool good = hash_to_sign(a, &hash) && open_key(a, &key);
    if (good && vd_key_sign(key, signature, &parity, &hash) != VD_OK) {
        good = fail(a, "signing failed");
    }
    if (good) {
        signature[64] = (uint8_t)(27 + parity);
        vd_hex_encode(digits, signature, sizeof signature);
        printf("0x%s\n", digits);
    }
    vd_key_free(key);
    return good;
}

/* --- the command --- */

static const struct {
    const char *name;
    enum vd_command bit;
    bool (*run)(struct account *a);
    const char *help;
} actions[] = {
    {"new", VD_COMMAND_ACCOUNT_NEW, run_new, "make a key and write it to a keystore file"},
    {"import", VD_COMMAND_ACCOUNT_IMPORT, run_import, "write a plain key to a keystore file"},
    {"list", VD_COMMAND_ACCOUNT_LIST, run_list, "the accounts of a keystore folder"},
    {"sign", VD_COMMAND_ACCOUNT_SIGN, run_sign, "sign a message or a hash"},
};
#define ACTION_COUNT (sizeof actions / sizeof actions[0])

static void
print_line(void *ctx, const char *text)
{
    fprintf(ctx, "%s\n", text);
}

static void
usage(FILE *out, bool whole)
{
    fprintf(out, "usage: viaduct account <action> [options]\n");
    for (size_t i = 0; i < ACTION_COUNT; i++) {
        fprintf(out, "%s  %-10s %s\n", whole ? "\n" : "", actions[i].name, actions[i].help);
        if (whole) {
            vd_options_help(actions[i].bit, print_line, out);
        }
    }
    if (!whole) {
        fprintf(out, "viaduct account <action> --help lists the options\n");
    }
}

static bool
is_help(const char *text)
{
    return strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0;
}

static int
run(size_t index, int argc, char **argv)
{
    struct account a = {.error = ""};
    int status = 2;
    if (vd_options_parse(&a.options, actions[index].bit, argc, argv, environ, a.error,
                         sizeof a.error)) {
        status = actions[index].run(&a) ? 0 : 1;
    }
    if (status != 0) {
        fprintf(stderr, "viaduct: account %s: %s\n", actions[index].name, a.error);
    }
    vd_options_deinit(&a.options);
    return status;
}

int
vd_command_account(int argc, char **argv)
{
    const char *name = argc > 0 ? argv[0] : "";
    for (size_t i = 0; i < ACTION_COUNT; i++) {
        if (strcmp(name, actions[i].name) != 0) {
            continue;
        }
        if (argc > 1 && is_help(argv[1])) {
            printf("viaduct account %s: %s\n\n", name, actions[i].help);
            vd_options_help(actions[i].bit, print_line, stdout);
            return 0;
        }
        return run(i, argc - 1, argv + 1);
    }
    if (is_help(name)) {
        usage(stdout, true);
        return 0;
    }
    if (*name) {
        fprintf(stderr, "viaduct: account has no action '%s'\n\n", name);
    }
    usage(stderr, false);
    return 2;
}
