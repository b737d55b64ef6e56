package io.kiln.engine.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.List;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;

class ComputeDeviceTest {
  @Test
  void a_device_is_the_processor_or_one_gpu_by_its_number() {
    assertFalse(ComputeDevice.CPU.isGpu());
    assertEquals(-1, ComputeDevice.CPU.index());
    assertEquals("cuda:3", ComputeDevice.gpu(3).name());
    assertEquals(3, ComputeDevice.gpu(3).index());
    for (String none : List.of("cuda", "cuda:", "cuda:-1", "gpu", "cuda:GPU-12", "")) {
      String line =
          assertThrows(IllegalArgumentException.class, () -> new ComputeDevice(none)).getMessage();
      assertTrue(line.startsWith("device \"" + none + "\""), line);
    }
  }

  @Test
  void libtorch_opens_it_with_its_number() {
    try (Device gpu = ComputeDevice.gpu(2).open();
        Device cpu = ComputeDevice.CPU.open()) {
      assertTrue(gpu.is_cuda());
      assertEquals(2, gpu.index());
      assertTrue(cpu.is_cpu());
    }
  }

  @Test
  void the_processor_is_current_always() {
    ComputeDevice.CPU.makeCurrent();
  }

  @Test
  void a_gpu_that_is_not_there_is_told_in_one_line() {
    ComputeDevice device = ComputeDevice.gpu(63);
    String line = assertThrows(IllegalStateException.class, device::makeCurrent).getMessage();
    assertTrue(line.startsWith("device cuda:63: this process sees "), line);
    assertEquals(1, line.lines().count());
  }

  /** CUDA keeps the choice by thread: one that was made elsewhere must not be relied on. */
  @Test
  void the_current_gpu_is_the_calling_thread_s() throws Exception {
    assumeTrue(torch.cuda_is_available() && torch.cuda_device_count() > 1, "needs two GPUs");
    ComputeDevice.gpu(1).makeCurrent();
    assertEquals(1, torch.getDeviceIndex());
    Thread other = new Thread(() -> assertEquals(0, torch.getDeviceIndex()));
    other.start();
    other.join();
    ComputeDevice.gpu(0).makeCurrent();
  }
}
