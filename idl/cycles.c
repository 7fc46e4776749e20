/* Finds circles of messages: strongly connected components, by Tarjan's algorithm with a stack of its own.
 *
 * It must not know what is done about them.  Reads best next: cycles.h. */
#include "idl/cycles.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL_REPEATED = 3, TYPE_GROUP = 10, TYPE_MESSAGE = 11 };

/* A field whose value is a message. */
struct edge {
    size_t from; /* indexes of model->messages */
    size_t to;
    bool repeated;
    struct cycle_field field;
};

struct graph {
    struct model *model;
    struct edge *edges; /* in the order of declaration */
    size_t edge_count;
    size_t *first;  /* by node: where its edges start in order; one more than there are nodes */
    size_t *sorted; /* indexes of edges, by from */
};

/* The state of one search; all arrays are by node. */
struct search {
    const struct graph *graph;
    bool with_repeated;
    size_t *number;    /* order of discovery, from 1; 0: not seen yet */
    size_t *low;       /* the lowest number on the stack that is known to be reached */
    size_t *next;      /* the edge to follow next */
    size_t *component; /* the answer; NONE while open */
    size_t *stack;     /* seen, but without a component yet */
    size_t *path;      /* from the root of the search to where it stands */
    size_t *finished;  /* the nodes by component: each after those it reaches */
    size_t stack_depth;
    size_t path_depth;
    size_t seen;
    size_t finished_count;
    size_t component_count;
};

#define NONE SIZE_MAX

/* ---- the graph ---- */

static const char *join(struct model *model, const char *scope, const char *name)
{
    if (name == NULL)
        name = "";
    if (scope == NULL || *scope == '\0')
        return arena_copy(&model->arena, name);
    return arena_printf(&model->arena, "%s.%s", scope, name);
}

static size_t find_node(const struct model *model, const char *full_name)
{
    const struct model_message *message = model_find_message(model, full_name);
    return message == NULL ? NONE : (size_t)(message - model->messages);
}

static void add_field(struct graph *graph, const struct request_file *file, const char *owner,
                      const desc_Field *field)
{
    if (field->type_name == NULL || field->name == NULL ||
        (field->type != TYPE_MESSAGE && field->type != TYPE_GROUP))
        return;
    const char *target = field->type_name;
    size_t from = find_node(graph->model, owner);
    size_t to = find_node(graph->model, *target == '.' ? target + 1 : target);
    if (from == NONE || to == NONE)
        return;
    graph->edges = array_grow(graph->edges, graph->edge_count, sizeof *graph->edges);
    graph->edges[graph->edge_count++] = (struct edge){
        from, to, field->label == LABEL_REPEATED, {file->file.name, owner, field->name}};
}

static void add_file(struct graph *graph, const struct request_file *file)
{
    struct model *model = graph->model;
    const char **names = arena_alloc(&model->arena, file->message_count * sizeof(const char *));
    for (size_t i = 0; i < file->message_count; i++) {
        const struct request_message *message = &file->messages[i];
        const char *scope = message->parent == REQUEST_NO_PARENT ? file->file.package : names[message->parent];
        names[i] = join(model, scope, message->message.name);
        for (pb_size_t j = 0; j < message->message.field_count; j++)
            add_field(graph, file, names[i], &message->message.field[j]);
    }
}

/* Sorts the edges by where they start, each node's in their order. */
static void sort_edges(struct graph *graph)
{
    size_t nodes = graph->model->message_count;
    struct arena *arena = &graph->model->arena;
    graph->first = arena_alloc(arena, (nodes + 1) * sizeof *graph->first);
    graph->sorted = arena_alloc(arena, graph->edge_count * sizeof *graph->sorted);
    size_t *next = arena_alloc(arena, nodes * sizeof *next);
    for (size_t i = 0; i < graph->edge_count; i++)
        graph->first[graph->edges[i].from + 1]++;
    for (size_t i = 0; i < nodes; i++) {
        graph->first[i + 1] += graph->first[i];
        next[i] = graph->first[i];
    }
    for (size_t i = 0; i < graph->edge_count; i++)
        graph->sorted[next[graph->edges[i].from]++] = i;
}

/* ---- the search ---- */

static void search_init(struct search *search, const struct graph *graph, bool with_repeated)
{
    size_t nodes = graph->model->message_count;
    size_t **const arrays[] = {&search->number, &search->low,  &search->next,    &search->component,
                               &search->stack,  &search->path, &search->finished};
    *search = (struct search){.graph = graph, .with_repeated = with_repeated};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        *arrays[i] = arena_alloc(&graph->model->arena, nodes * sizeof **arrays[i]);
    for (size_t i = 0; i < nodes; i++)
        search->component[i] = NONE;
}

static void enter(struct search *search, size_t node)
{
    search->number[node] = search->low[node] = ++search->seen;
    search->next[node] = search->graph->first[node];
    search->stack[search->stack_depth++] = node;
    search->path[search->path_depth++] = node;
}

static void lower(struct search *search, size_t node, size_t to)
{
    if (to < search->low[node])
        search->low[node] = to;
}

/* Follows one edge of node; false when there is none left. */
static bool advance(struct search *search, size_t node)
{
    if (search->next[node] == search->graph->first[node + 1])
        return false;
    const struct edge *edge = &search->graph->edges[search->graph->sorted[search->next[node]++]];
    if (edge->repeated && !search->with_repeated)
        return true;
    if (search->number[edge->to] == 0)
        enter(search, edge->to);
    else if (search->component[edge->to] == NONE)
        lower(search, node, search->number[edge->to]);
    return true;
}

static void leave(struct search *search, size_t node)
{
    search->path_depth--;
    if (search->path_depth > 0)
        lower(search, search->path[search->path_depth - 1], search->low[node]);
    if (search->low[node] != search->number[node])
        return;
    size_t member;
    do {
        assert(search->stack_depth > 0);
        member = search->stack[--search->stack_depth];
        search->component[member] = search->component_count;
        search->finished[search->finished_count++] = member;
    } while (member != node);
    search->component_count++;
}

static void search_run(struct search *search)
{
    for (size_t i = 0; i < search->graph->model->message_count; i++) {
        if (search->number[i] == 0)
            enter(search, i);
        while (search->path_depth > 0) {
            size_t node = search->path[search->path_depth - 1];
            if (!advance(search, node))
                leave(search, node);
        }
    }
}

static bool closes(const struct search *search, const struct edge *edge)
{
    return search->component[edge->from] == search->component[edge->to];
}

/* ---- the answers ---- */

/* Components are finished after those they reach, so one pass carries the news upward. */
static void mark_recursive(const struct search *search)
{
    const struct graph *graph = search->graph;
    struct model *model = graph->model;
    bool *recursive = arena_alloc(&model->arena, search->component_count * sizeof *recursive);
    for (size_t i = 0; i < search->finished_count; i++) {
        size_t node = search->finished[i];
        for (size_t j = graph->first[node]; j < graph->first[node + 1]; j++) {
            const struct edge *edge = &graph->edges[graph->sorted[j]];
            if (closes(search, edge) || recursive[search->component[edge->to]])
                recursive[search->component[node]] = true;
        }
    }
    for (size_t i = 0; i < model->message_count; i++)
        model->messages[i].recursive = recursive[search->component[i]];
}

static void list_fields(const struct search *all, const struct search *singular, struct cycles *ret_cycles)
{
    const struct graph *graph = all->graph;
    struct cycle_field *fields = arena_alloc(&graph->model->arena, graph->edge_count * sizeof *fields);
    size_t count = 0;
    for (size_t i = 0; i < graph->edge_count; i++) {
        const struct edge *edge = &graph->edges[i];
        if (closes(edge->repeated ? all : singular, edge))
            fields[count++] = edge->field;
    }
    *ret_cycles = (struct cycles){fields, count};
}

void cycles_find(struct model *model, const struct request *request, struct cycles *ret_cycles)
{
    struct graph graph = {.model = model};
    for (size_t i = 0; i < request->file_count; i++)
        add_file(&graph, request->files[i]);
    sort_edges(&graph);
    struct search all;
    struct search singular;
    search_init(&all, &graph, true);
    search_run(&all);
    mark_recursive(&all);
    if (ret_cycles != NULL) {
        search_init(&singular, &graph, false);
        search_run(&singular);
        list_fields(&all, &singular, ret_cycles);
    }
    free(graph.edges);
}
