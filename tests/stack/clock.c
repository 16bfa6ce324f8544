/* The time of day of a run, preloaded into each of its processes by clock.py.
 *
 * The machine's time of day and an offset, which all processes of a run read from the same page of memory: they see at once that the
 * test has moved the clock on. libfaketime, which is made for this, reads a file at each look, and not safely in programs of many
 * threads. Clocks that measure how long something takes stay as they are. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const int64_t SECOND = 1000000000;
/* Nanoseconds. */
static const int64_t *offset;

__attribute__((constructor)) static void find_offset(void)
{
    const char *path = getenv("STACK_CLOCK");
    if (!path)
        return;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    void *page = mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, file, 0);
    if (page == MAP_FAILED)
        abort();
    close(file);
    offset = page;
}

int clock_gettime(clockid_t id, struct timespec *at)
{
    static int (*machine)(clockid_t, struct timespec *);
    if (!machine)
        machine = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = machine(id, at);
    if (!failed && offset && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
        int64_t now = at->tv_sec * SECOND + at->tv_nsec + __atomic_load_n(offset, __ATOMIC_RELAXED);
        at->tv_sec = now / SECOND;
        at->tv_nsec = now % SECOND;
    }
    return failed;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone)
{
    (void)zone;
    struct timespec now;
    int failed = clock_gettime(CLOCK_REALTIME, &now);
    if (!failed) {
        at->tv_sec = now.tv_sec;
        at->tv_usec = now.tv_nsec / 1000;
    }
    return failed;
}

time_t time(time_t *at)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at)
        *at = now.tv_sec;
    return now.tv_sec;
}
