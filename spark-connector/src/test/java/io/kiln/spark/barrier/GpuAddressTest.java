package io.kiln.spark.barrier;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Rules of CUDA_VISIBLE_DEVICES: CUDA C++ Programming Guide, "CUDA Environment Variables". */
class GpuAddressTest {
  private static final String UUID = "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6";
  private static final String MIG = "MIG-9af40f57-5b80-5b3e-9b7d-5f1c1b3f6c9c";

  private static int unasked() {
    throw new AssertionError("the devices need not be counted for that");
  }

  private static int index(String address, String visible) {
    return new GpuAddress(address).index(Optional.ofNullable(visible), 4, GpuAddressTest::unasked);
  }

  private static String refused(String address, String visible, int ofExecutor, int seen) {
    String line =
        assertThrows(
                IllegalStateException.class,
                () ->
                    new GpuAddress(address)
                        .index(Optional.ofNullable(visible), ofExecutor, () -> seen))
            .getMessage();
    assertTrue(line.startsWith("GPU \"" + address + "\" "), line);
    assertTrue(line.contains("discovery script"), "the mend: " + line);
    assertEquals(1, line.lines().count());
    return line;
  }

  @Test
  void a_number_is_itself_where_nothing_is_hidden() {
    assertEquals(0, index("0", null));
    assertEquals(11, index("11", null));
  }

  @Test
  void cuda_counts_what_is_visible_in_the_order_of_the_list() {
    assertEquals(1, index("3", "2,3"));
    assertEquals(0, index("3", " 3 , 2"));
    assertEquals(1, index(UUID, "GPU-1111," + UUID));
    assertEquals(1, index(UUID, "GPU-1111,GPU-8932f937"), "shortened");
    assertEquals(0, index(MIG, MIG));
  }

  @Test
  void an_executor_s_only_gpu_is_the_only_one_it_sees() {
    assertEquals(0, new GpuAddress(UUID).index(Optional.empty(), 1, () -> 1));
    assertEquals(0, new GpuAddress("0").index(Optional.of(UUID), 1, () -> 1));
    assertEquals(0, new GpuAddress("5").index(Optional.of("0"), 1, () -> 1));
  }

  @Test
  void what_leads_to_no_gpu_says_so_with_the_mend() {
    assertTrue(refused(UUID, null, 2, 2).contains("is a UUID"));
    assertTrue(refused(UUID, null, 1, 2).contains("is a UUID"), "which of two?");
    assertTrue(refused(MIG, null, 4, 1).contains("is a UUID"), "four tasks, one device");
    assertTrue(refused("1", "0", 2, 1).contains("not in CUDA_VISIBLE_DEVICES=0"));
    assertTrue(refused("1", "", 2, 0).contains("not in CUDA_VISIBLE_DEVICES="));
  }

  @Test
  void of_mig_devices_a_process_sees_the_first_alone() {
    assertTrue(refused(MIG, "MIG-1111," + MIG, 2, 1).contains("one MIG"));
  }
}
