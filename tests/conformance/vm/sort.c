/* Sorts in data right behind the code and in zeroed memory; exits with 0 when all is in order. */
#include <stdint.h>

extern volatile uint64_t tohost;
static volatile int32_t numbers[] = {5, -3, 2147483647, 0, -2147483647 - 1, 17, 17, -1};
static uint64_t zeroed[1000];

static uint64_t
fill(uint64_t seed)
{
    for (int i = 0; i < 1000; i++) {
        if (zeroed[i] != 0) {
            return 1;
        }
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        zeroed[i] = seed % 1000003 + seed / 3;
    }
    return 0;
}

static int
quicksort(uint64_t *a, int low, int high)
{
    if (low >= high) {
        return 0;
    }
    uint64_t pivot = a[(low + high) / 2];
    int i = low;
    int j = high;
    while (i <= j) {
        for (; a[i] < pivot; i++) {
        }
        for (; a[j] > pivot; j--) {
        }
        if (i <= j) {
            uint64_t kept = a[i];
            a[i++] = a[j];
            a[j--] = kept;
        }
    }
    return quicksort(a, low, j) + quicksort(a, i, high);
}

int
main(void)
{
    tohost = 1;
    for (int n = 0; n < 8; n++) {
        for (int i = 0; i + 1 < 8; i++) {
            if (numbers[i] > numbers[i + 1]) {
                int32_t kept = numbers[i];
                numbers[i] = numbers[i + 1];
                numbers[i + 1] = kept;
            }
        }
    }
    if (numbers[0] != -2147483647 - 1 || numbers[7] != 2147483647 || fill(1) != 0) {
        return 1;
    }
    quicksort(zeroed, 0, 999);
    for (int i = 0; i + 1 < 1000; i++) {
        if (zeroed[i] > zeroed[i + 1]) {
            return 1;
        }
    }
    return tohost == 1 ? 0 : 1;
}
