package io.kiln.engine.comm;

import io.kiln.engine.comm.Exchange.Kind;
import io.kiln.engine.comm.HostMessages.Form;
import java.util.ArrayDeque;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * Ranks of several hosts: over sockets by c10d's Gloo, of which only send and receive are used (its
 * own reduce-scatter and all-gather take five to ten times as long as the same bytes sent straight
 * to where they are wanted, and do not add in rank order), and through a mapped file between ranks
 * that share a host and can open one.
 *
 * <p>A collective leaves when it is started: Gloo's own thread moves what goes to other hosts, and
 * what stays on this one is deposited as far as the rings have room. It is finished (added up,
 * converted) in {@link Pending#await()}, always first started first finished, so that whoever waits
 * for a late one helps the early ones along.
 */
public final class GlooCommunicator implements Communicator {
  /** Bytes up to which every rank sends everything to every other. */
  private static final long SMALL = 64 << 10;

  private final Routes routes;
  private final int rank;
  private final int size;
  private final RankOrderSum sum;
  private final ArrayDeque<MessageExchange> underWay = new ArrayDeque<>();
  private final ArrayDeque<MessageExchange> secondHalves = new ArrayDeque<>();
  private boolean closed;

  /**
   * @param routes closed with the communicator, or if this fails
   */
  GlooCommunicator(Routes routes) {
    this.routes = routes;
    this.rank = routes.rank();
    this.size = routes.size();
    try {
      this.sum = new RankOrderSum();
    } catch (RuntimeException | Error e) {
      routes.close();
      throw e;
    }
  }

  @Override
  public int rank() {
    return rank;
  }

  @Override
  public int size() {
    return size;
  }

  /** Ranks that this one meets in shared memory, itself included; none if it has no such peer. */
  public List<Integer> hostRanks() {
    return routes.hostRanks();
  }

  @Override
  public long ringBytes() {
    return routes.ringBytes();
  }

  @Override
  public long waitNanos() {
    return routes.waitNanos();
  }

  @Override
  public Pending reduceScatter(Tensor input, Tensor output, boolean accumulate) {
    Flat.checkOnHost(input, output);
    Flat.checkReduceScatter(input, output, size);
    routes.checkUsable();
    Span in = Span.of(input);
    Span out = Span.of(output);
    long part = out.length();
    Span[] terms = new Span[size];
    long[] from = new long[size];
    from[rank] = rank * part;
    return start(
        new MessageExchange(
            routes,
            Kind.REDUCE_SCATTER,
            in.length() * in.elementBytes(),
            new Form(in, part, false),
            in,
            out) {
          @Override
          void begin() {
            for (int r = 0; r < size; r++) {
              terms[r] = r == rank ? in : receive(r, in, part);
              if (r != rank) {
                send(r, in, r * part, part);
              }
            }
          }

          @Override
          void finish() {
            sum.into(out, 0, terms, from, part, accumulate);
          }
        });
  }

  @Override
  public Pending allGather(Tensor shard, Tensor whole) {
    Flat.checkOnHost(shard, whole);
    Flat.checkAllGather(shard, whole, size);
    routes.checkUsable();
    Span own = Span.of(shard);
    Span all = Span.of(whole);
    long part = own.length();
    boolean widening = own.elementBytes() < all.elementBytes();
    Span[] arrived = new Span[size];
    return start(
        new MessageExchange(
            routes,
            Kind.ALL_GATHER,
            all.length() * all.elementBytes(),
            new Form(widening ? own : all, part, true),
            own,
            all) {
          @Override
          void begin() {
            // What is narrowed is narrowed into the own part of the whole, and leaves from there.
            Span.copy(own, 0, all, rank * part, part);
            for (int r = 0; r < size; r++) {
              if (r != rank && widening) {
                arrived[r] = receive(r, own, part);
                send(r, own, 0, part);
              } else if (r != rank) {
                receive(r, all, r * part, part);
                send(r, all, rank * part, part);
              }
            }
          }

          @Override
          void finish() {
            for (int r = 0; r < size; r++) {
              if (arrived[r] != null) {
                Span.copy(arrived[r], 0, all, r * part, part);
              }
            }
          }
        });
  }

  @Override
  public Pending allReduce(Tensor tensor) {
    Flat.checkOnHost(tensor);
    Flat.checkAllReduce(tensor);
    routes.checkUsable();
    Span span = Span.of(tensor);
    if (size == 2 || span.length() * span.elementBytes() <= SMALL) {
      return start(wholeSum(span));
    }
    MessageExchange gather = partsGather(span);
    secondHalves.add(gather);
    start(partsSum(span, gather));
    gather.reserve();
    return () -> await(gather);
  }

  /** Everybody sends everything to everybody and adds it all up. */
  private MessageExchange wholeSum(Span tensor) {
    Span[] terms = new Span[size];
    long bytes = tensor.length() * tensor.elementBytes();
    return new MessageExchange(
        routes, Kind.ALL_REDUCE, bytes, new Form(tensor, tensor.length(), true), tensor) {
      @Override
      void begin() {
        for (int r = 0; r < size; r++) {
          terms[r] = r == rank ? tensor : receive(r, tensor, tensor.length());
          if (r != rank) {
            send(r, tensor, 0, tensor.length());
          }
        }
      }

      @Override
      void finish() {
        sum.into(tensor, 0, terms, new long[size], tensor.length(), false);
      }
    };
  }

  private long part(Span tensor) {
    return (tensor.length() + size - 1) / size;
  }

  /** Elements of a rank's part; the last parts may be short or empty. */
  private long partLength(Span tensor, int owner) {
    return Math.max(0, Math.min(part(tensor), tensor.length() - owner * part(tensor)));
  }

  /** First half of a large all-reduce: each rank adds up its part in place. */
  private MessageExchange partsSum(Span tensor, MessageExchange gather) {
    Span[] terms = new Span[size];
    long[] from = new long[size];
    from[rank] = rank * part(tensor);
    return new MessageExchange(
        routes,
        Kind.ALL_REDUCE,
        tensor.length() * tensor.elementBytes(),
        new Form(tensor, part(tensor), false)) {
      @Override
      void begin() {
        for (int r = 0; r < size; r++) {
          terms[r] = r == rank ? tensor : receive(r, tensor, partLength(tensor, rank));
          if (r != rank) {
            send(r, tensor, r * part(tensor), partLength(tensor, r));
          }
        }
      }

      @Override
      void finish() {
        sum.into(tensor, from[rank], terms, from, partLength(tensor, rank), false);
        secondHalves.remove(gather);
        underWay.addFirst(gather);
        gather.leave();
      }
    };
  }

  /** Second half: the sums go round. Its tag was taken where all ranks agree on the order. */
  private MessageExchange partsGather(Span tensor) {
    long bytes = tensor.length() * tensor.elementBytes();
    return new MessageExchange(
        routes, Kind.ALL_REDUCE, bytes, new Form(tensor, part(tensor), true), tensor) {
      @Override
      void begin() {
        for (int r = 0; r < size; r++) {
          if (r != rank) {
            receive(r, tensor, r * part(tensor), partLength(tensor, r));
            send(r, tensor, rank * part(tensor), partLength(tensor, rank));
          }
        }
      }

      @Override
      void finish() {
        // The parts arrived where they belong.
      }
    };
  }

  @Override
  public Pending broadcast(Tensor tensor, int root) {
    Flat.checkOnHost(tensor);
    Flat.checkBroadcast(tensor, root, size);
    routes.checkUsable();
    Span bytes = Span.bytesOf(tensor);
    return start(
        new MessageExchange(
            routes, Kind.BROADCAST, bytes.length(), new Form(bytes, bytes.length(), true), bytes) {
          @Override
          void begin() {
            if (rank != root) {
              receive(root, bytes, 0, bytes.length());
              return;
            }
            for (int r = 0; r < size; r++) {
              if (r != root) {
                send(r, bytes, 0, bytes.length());
              }
            }
          }

          @Override
          void finish() {
            // It arrived where it belongs.
          }
        });
  }

  @Override
  public Pending pass(Tensor output, int to, Tensor input, int from) {
    Flat.checkOnHost(output, input);
    Flat.checkPass(output, to, input, from, rank, size);
    routes.checkUsable();
    Span out = Span.bytesOf(output);
    Span in = Span.bytesOf(input);
    return start(
        new MessageExchange(
            routes, Kind.PASS, out.length(), new Form(out, out.length(), true), out, in) {
          @Override
          void begin() {
            receive(from, in, 0, in.length());
            send(to, out, 0, out.length());
          }

          @Override
          void finish() {
            // It arrived where it belongs.
          }
        });
  }

  @Override
  public Pending allToAll(Tensor input, Tensor output) {
    Flat.checkOnHost(input, output);
    Flat.checkAllToAll(input, output, size);
    routes.checkUsable();
    Span in = Span.bytesOf(input);
    Span out = Span.bytesOf(output);
    long part = in.length() / size;
    boolean inPlace = part > 0 && in.address(0) == out.address(0);
    Span[] arrived = new Span[size];
    return start(
        new MessageExchange(
            routes, Kind.ALL_TO_ALL, in.length(), new Form(in, part, false), in, out) {
          @Override
          void begin() {
            Span.copy(in, rank * part, out, rank * part, part);
            for (int r = 0; r < size; r++) {
              if (r != rank) {
                if (inPlace) {
                  arrived[r] = receive(r, in, part);
                } else {
                  receive(r, out, r * part, part);
                }
                send(r, in, r * part, part);
              }
            }
          }

          @Override
          void finish() {
            for (int r = 0; r < size; r++) {
              if (arrived[r] != null) {
                Span.copy(arrived[r], 0, out, r * part, part);
              }
            }
          }
        });
  }

  @Override
  public double[] sum(double... values) {
    routes.checkUsable();
    return values.length == 0 ? values : exchangeNumbers(Kind.SUM, values);
  }

  @Override
  public void barrier() {
    routes.checkUsable();
    exchangeNumbers(Kind.BARRIER, 0);
  }

  private double[] exchangeNumbers(Kind kind, double... values) {
    double[] sums = new double[values.length];
    Span own = Span.numbers(values);
    Span[] terms = new Span[size];
    start(
            new MessageExchange(
                routes,
                kind,
                own.length() * own.elementBytes(),
                new Form(own, values.length, true),
                own) {
              @Override
              void begin() {
                for (int r = 0; r < size; r++) {
                  terms[r] = r == rank ? own : receive(r, own, values.length);
                  if (r != rank) {
                    send(r, own, 0, values.length);
                  }
                }
              }

              @Override
              void finish() {
                for (int r = 0; r < size; r++) {
                  for (int i = 0; i < sums.length; i++) {
                    double term = r == rank ? values[i] : terms[r].number(i);
                    sums[i] = r == 0 ? term : sums[i] + term;
                  }
                }
              }
            })
        .await();
    return sums;
  }

  private Pending start(MessageExchange exchange) {
    underWay.add(exchange);
    try {
      exchange.reserve();
      exchange.leave();
    } catch (CommunicationException e) {
      close();
      throw e;
    }
    return () -> await(exchange);
  }

  private void await(MessageExchange exchange) {
    while (!exchange.done()) {
      routes.checkUsable();
      MessageExchange first = underWay.poll();
      try {
        first.complete();
      } catch (CommunicationException e) {
        // Nothing more is sent: the others hear by the connections that close.
        underWay.addFirst(first);
        close();
        throw e;
      }
    }
  }

  @Override
  public void checkUsable() {
    routes.checkUsable();
  }

  @Override
  public void abort(String reason) {
    routes.abort(reason);
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    underWay.forEach(MessageExchange::release);
    underWay.clear();
    secondHalves.forEach(MessageExchange::release);
    secondHalves.clear();
    sum.close();
    routes.close();
  }
}
