package io.kiln.engine.comm;

import java.util.ArrayDeque;
import org.bytedeco.pytorch.Tensor;

/**
 * Ranks of several hosts, over sockets: c10d's Gloo, of which only send and receive are used. Its
 * own reduce-scatter and all-gather take five to ten times as long as the same bytes sent straight
 * to where they are wanted, and do not add in rank order.
 *
 * <p>A collective leaves when it is started: Gloo's own thread moves the bytes. It is finished
 * (added up, converted) in {@link Pending#await()}, always first started first finished, so that
 * whoever waits for a late one helps the early ones along.
 */
public final class GlooCommunicator implements Communicator {
  /** Bytes up to which every rank sends everything to every other. */
  private static final long SMALL = 64 << 10;

  private final GlooLink link;
  private final int rank;
  private final int size;
  private final RankOrderSum sum = new RankOrderSum();
  private final ArrayDeque<SocketExchange> underWay = new ArrayDeque<>();
  private final ArrayDeque<SocketExchange> secondHalves = new ArrayDeque<>();
  private boolean closed;

  /**
   * @param link closed with the communicator
   */
  GlooCommunicator(GlooLink link) {
    this.link = link;
    this.rank = link.rank();
    this.size = link.size();
  }

  @Override
  public int rank() {
    return rank;
  }

  @Override
  public int size() {
    return size;
  }

  @Override
  public long waitNanos() {
    return link.waitNanos();
  }

  @Override
  public Pending reduceScatter(Tensor input, Tensor output, boolean accumulate) {
    Flat.checkOnHost(input, output);
    Flat.checkReduceScatter(input, output, size);
    link.checkUsable();
    Span in = Span.of(input);
    Span out = Span.of(output);
    long part = out.length();
    Span[] terms = new Span[size];
    long[] from = new long[size];
    from[rank] = rank * part;
    return start(
        new SocketExchange(link, "reduce-scatter", in.length() * in.elementBytes(), in, out) {
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
    link.checkUsable();
    Span own = Span.of(shard);
    Span all = Span.of(whole);
    long part = own.length();
    boolean widening = own.elementBytes() < all.elementBytes();
    Span[] arrived = new Span[size];
    return start(
        new SocketExchange(link, "all-gather", all.length() * all.elementBytes(), own, all) {
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
    link.checkUsable();
    Span span = Span.of(tensor);
    if (size == 2 || span.length() * span.elementBytes() <= SMALL) {
      return start(wholeSum(span));
    }
    SocketExchange gather = partsGather(span);
    secondHalves.add(gather);
    start(partsSum(span, gather));
    return () -> await(gather);
  }

  /** Everybody sends everything to everybody and adds it all up. */
  private SocketExchange wholeSum(Span tensor) {
    Span[] terms = new Span[size];
    long bytes = tensor.length() * tensor.elementBytes();
    return new SocketExchange(link, "all-reduce", bytes, tensor) {
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
  private SocketExchange partsSum(Span tensor, SocketExchange gather) {
    Span[] terms = new Span[size];
    long[] from = new long[size];
    from[rank] = rank * part(tensor);
    return new SocketExchange(link, "all-reduce", tensor.length() * tensor.elementBytes()) {
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
        gather.begin();
      }
    };
  }

  /** Second half: the sums go round. Its tag was taken where all ranks agree on the order. */
  private SocketExchange partsGather(Span tensor) {
    long bytes = tensor.length() * tensor.elementBytes();
    return new SocketExchange(link, "all-reduce", bytes, tensor) {
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
    link.checkUsable();
    Span bytes = Span.bytesOf(tensor);
    return start(
        new SocketExchange(link, "broadcast", bytes.length(), bytes) {
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
  public Pending allToAll(Tensor input, Tensor output) {
    Flat.checkOnHost(input, output);
    Flat.checkAllToAll(input, output, size);
    link.checkUsable();
    Span in = Span.bytesOf(input);
    Span out = Span.bytesOf(output);
    long part = in.length() / size;
    boolean inPlace = part > 0 && in.address(0) == out.address(0);
    Span[] arrived = new Span[size];
    return start(
        new SocketExchange(link, "all-to-all", in.length(), in, out) {
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
    link.checkUsable();
    return values.length == 0 ? values : exchangeNumbers("sum of numbers", values);
  }

  @Override
  public void barrier() {
    link.checkUsable();
    exchangeNumbers("barrier", 0);
  }

  private double[] exchangeNumbers(String name, double... values) {
    double[] sums = new double[values.length];
    Span own = Span.numbers(values);
    Span[] terms = new Span[size];
    start(
            new SocketExchange(link, name, own.length() * own.elementBytes(), own) {
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

  private Pending start(SocketExchange exchange) {
    underWay.add(exchange);
    try {
      exchange.begin();
    } catch (RuntimeException e) {
      CommunicationException failure = link.fail(exchange.toString(), e);
      close();
      throw failure;
    }
    return () -> await(exchange);
  }

  private void await(SocketExchange exchange) {
    while (!exchange.done()) {
      link.checkUsable();
      SocketExchange first = underWay.poll();
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
    link.checkUsable();
  }

  @Override
  public void abort(String reason) {
    link.abort(reason);
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    underWay.forEach(SocketExchange::release);
    underWay.clear();
    secondHalves.forEach(SocketExchange::release);
    secondHalves.clear();
    sum.close();
    link.close();
  }
}
