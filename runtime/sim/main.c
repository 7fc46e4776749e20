/* The main function of a simulation: seeds in child processes, so that a crash or a hang is a failure with a seed like
 * any other; and the trace of the first that failed.
 *
 * Here, outside of every world, time is real.  Reads best next: options.h, world.c. */
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/folder.h"
#include "sim/options.h"
#include "sim/world.h"

enum {
    SEED_SECONDS = 60, /* real time for one seed: a thousand times what it takes */
    TAIL_LINES = 250,  /* of the trace of a seed that failed; --trace shows all of it */
};

enum ending { ENDING_PASSED = 0, ENDING_FAILED = 1 };

/* What a child tells, in memory that both have. */
struct job {
    _Atomic uint64_t seed; /* that is played */
    _Atomic uint64_t played;
    _Atomic uint64_t events;
    char failure[WORLD_TEXT_MAX];
    pid_t process;
};

static bool play(const struct semel_sim_scenario *scenario, uint64_t seed, const struct sim_options *options,
                 struct job *job)
{
    semel_sim *sim = semel_sim_create(seed);
    sim->traced = options->trace;
    scenario->play(sim, scenario->user);
    uint64_t hash = sim->hash;
    atomic_fetch_add(&job->events, sim->events);
    bool passed = world_end(sim, job->failure);
    if (options->hash)
        printf("seed %" PRIu64 " hash %016" PRIx64 "\n", seed, hash);
    return passed;
}

static time_t seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* In a child: every jobs-th seed from first on. */
static int play_all(const struct semel_sim_scenario *scenario, uint64_t first,
                    const struct sim_options *options, struct job *job)
{
    time_t end = seconds() + (options->seconds > 0 ? (time_t)options->seconds : 0);
    for (uint64_t seed = first; seed <= options->last && seed >= first; seed += options->jobs) {
        if (options->seconds > 0 && seconds() >= end)
            break;
        atomic_store(&job->seed, seed);
        alarm(SEED_SECONDS);
        if (!play(scenario, seed, options, job))
            return ENDING_FAILED;
        atomic_fetch_add(&job->played, 1);
    }
    return ENDING_PASSED;
}

static pid_t start(const struct semel_sim_scenario *scenario, uint64_t first, const struct sim_options *options,
                   struct job *job)
{
    fflush(NULL);
    pid_t process = fork();
    if (process == 0) {
        int ending = play_all(scenario, first, options, job);
        exit(ending); /* what watches the memory of the process looks at it now */
    }
    if (process < 0)
        perror("fork");
    return process;
}

/* How a child ended, in words; NULL: well. */
static const char *ending_of(int status, const struct job *job, char *text, size_t size)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == ENDING_PASSED)
        return NULL;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        snprintf(text, size, "it took longer than %d s", SEED_SECONDS);
    else if (WIFSIGNALED(status))
        snprintf(text, size, "the program ended by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else if (job->failure[0] != '\0')
        snprintf(text, size, "%s", job->failure);
    else
        snprintf(text, size, "the program ended with status %d", WEXITSTATUS(status));
    return text;
}

/* ---- the one that failed ---- */

/* Prints the last lines of what a descriptor gives. */
static void print_tail(int fd)
{
    char *lines[TAIL_LINES] = {NULL};
    size_t count = 0;
    FILE *from = fdopen(fd, "r");
    char *line = NULL;
    size_t size = 0;
    while (from != NULL && getline(&line, &size, from) > 0) {
        free(lines[count % TAIL_LINES]);
        lines[count++ % TAIL_LINES] = line;
        line = NULL;
        size = 0;
    }
    free(line);
    if (count > TAIL_LINES)
        printf("   ... %zu lines before; --trace shows them\n", count - TAIL_LINES);
    for (size_t i = count > TAIL_LINES ? count - TAIL_LINES : 0; i < count; i++)
        fputs(lines[i % TAIL_LINES], stdout);
    for (size_t i = 0; i < TAIL_LINES; i++)
        free(lines[i]);
    if (from != NULL)
        fclose(from);
}

static void tell_again(const struct semel_sim_scenario *scenario, uint64_t seed, struct job *job)
{
    const struct sim_options options = {.first = seed, .last = seed, .jobs = 1, .trace = true};
    int ends[2];
    if (pipe(ends) != 0)
        return;
    fflush(NULL);
    pid_t process = fork();
    if (process == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        setvbuf(stdout, NULL, _IOLBF, 0); /* it may not live to write its buffer */
        _exit(play_all(scenario, seed, &options, job));
    }
    close(ends[1]);
    print_tail(ends[0]);
    (void)waitpid(process, NULL, 0);
    folder_sweep(process);
}

/* ---- all of them ---- */

static uint64_t played_by_all(const struct job *jobs, uint32_t count)
{
    uint64_t played = 0;
    for (uint32_t i = 0; i < count; i++)
        played += atomic_load(&jobs[i].played);
    return played;
}

static void stop_all(const struct job *jobs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (jobs[i].process > 0)
            (void)kill(jobs[i].process, SIGKILL);
}

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number)
{
    interrupted = signal_number;
}

/* Who is told to end ends those it has started, and clears up after them. */
static void heed_interrupts(void)
{
    const struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

/* Waits for a child; NULL: none is left. */
static struct job *wait_for_one(struct job *jobs, uint32_t count, int *ret_status)
{
    pid_t process = waitpid(-1, ret_status, 0);
    if (process < 0 && interrupted != 0) {
        stop_all(jobs, count);
        process = waitpid(-1, ret_status, 0);
    }
    for (uint32_t i = 0; i < count; i++)
        if (process > 0 && jobs[i].process == process) {
            jobs[i].process = 0;
            folder_sweep(process);
            return &jobs[i];
        }
    return NULL;
}

static int judge(const char *program, const struct semel_sim_scenario *scenario, struct job *jobs,
                 uint32_t count)
{
    struct job *failed = NULL;
    char text[WORLD_TEXT_MAX + 64];
    int status;
    for (struct job *job; (job = wait_for_one(jobs, count, &status)) != NULL;) {
        if (failed != NULL || ending_of(status, job, text, sizeof text) == NULL)
            continue;
        failed = job;
        stop_all(jobs, count);
    }
    if (interrupted != 0)
        (void)raise(interrupted);
    if (failed == NULL)
        return 0;
    uint64_t seed = atomic_load(&failed->seed);
    tell_again(scenario, seed, failed);
    printf("%s: seed %" PRIu64 " failed: %s\n", scenario->name, seed, text);
    printf("again: %s --seed %" PRIu64 " --trace\n", program, seed);
    return 1;
}

static int play_traced(const struct semel_sim_scenario *scenario, const struct sim_options *options,
                       struct job *job)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    atomic_store(&job->seed, options->first);
    if (play(scenario, options->first, options, job))
        return 0;
    printf("%s: seed %" PRIu64 " failed: %s\n", scenario->name, options->first, job->failure);
    return 1;
}

int semel_sim_main(int argc, char **argv, const struct semel_sim_scenario *scenario)
{
    struct sim_options options;
    if (!sim_options_parse(argc, argv, &options))
        return 2;
    if (options.help) {
        sim_options_help(argv[0]);
        return 0;
    }
    const size_t size = options.jobs * sizeof(struct job);
    struct job *jobs = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (jobs == MAP_FAILED) {
        perror("mmap");
        return 2;
    }
    if (options.trace)
        return play_traced(scenario, &options, jobs);
    time_t began = seconds();
    for (uint32_t i = 0; i < options.jobs; i++)
        jobs[i].process = start(scenario, options.first + i, &options, &jobs[i]);
    heed_interrupts();
    int ending = judge(argv[0], scenario, jobs, options.jobs);
    uint64_t events = 0;
    for (uint32_t i = 0; i < options.jobs; i++)
        events += atomic_load(&jobs[i].events);
    if (ending == 0)
        printf("%s: %" PRIu64 " seeds passed, %" PRIu64 " events, %lld s\n", scenario->name,
               played_by_all(jobs, options.jobs), events, (long long)(seconds() - began));
    (void)munmap(jobs, size);
    return ending;
}
